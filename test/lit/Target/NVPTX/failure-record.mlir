// Of all threads in which an assert fails, one writes the record in the host's memory, and the others wait for it. No
// fence has the scope of the system: a driver loses device memory for each one that is loaded and unloaded. The claim
// goes from 0 to 1 to 2 and never back, or one that fails late would have all wait for ever.
// RUN: kiln-translate --arch sm_90a %s | FileCheck %s --implicit-check-not=.sys

// CHECK: .func kiln_record_failure(
// CHECK: ld.volatile.global.b64 %[[RECORD:.*]], [kiln_failure_record];
// CHECK: atom.global.max.u32 %[[BEFORE:.*]], [kiln_failure_claim], 1;
// CHECK-NEXT: setp.eq.b32 %{{.*}}, %[[BEFORE]], 0;
// CHECK: [[WAIT:\$.*]]:
// CHECK-NEXT: ld.volatile.global.b32 %[[NOW:.*]], [kiln_failure_claim];
// CHECK-NEXT: setp.ne.b32 %[[GO_ON:.*]], %[[NOW]], 2;
// CHECK-NEXT: @%[[GO_ON]] bra [[WAIT]];
// CHECK: st.volatile.b8 [%{{.*}}], %{{.*}};
// CHECK: fence.acq_rel.gpu;
// CHECK-NEXT: st.volatile.b32 [%[[RECORD]]], 1;
// CHECK-NEXT: ld.volatile.b32 %[[STATE:.*]], [%[[RECORD]]];
// CHECK-NEXT: add.s32 %[[WRITTEN:.*]], %[[STATE]], 1;
// CHECK-NEXT: st.volatile.global.b32 [kiln_failure_claim], %[[WRITTEN]];
// CHECK: .entry fails
// CHECK: call.uni kiln_record_failure,
// CHECK: call.uni __assertfail,
func.func @fails(%i: i32) attributes {tile.kernel} {
  tile_gpu.machine "__assertfail"(%i) {message = "m", file = "f", line = 3 : i32, function = "g"} : (i32) -> ()
  return
}
