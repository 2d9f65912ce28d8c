"""Prints one function for each type with all operations of arith and math that the GPU target lets through, and one for each conversion."""

INTEGERS = ["i1", "i8", "i16", "i32", "i64", "index"]
FLOATS = ["f16", "bf16", "f32", "f64"]
WIDTH = {"i1": 1, "i8": 8, "i16": 16, "i32": 32, "i64": 64, "index": 64, "f16": 16, "bf16": 16, "f32": 32, "f64": 64}
INTEGER_BINARY = "addi subi muli divsi divui remsi remui andi ori xori shli shrsi shrui maxsi maxui minsi minui".split()
FLOAT_BINARY = "arith.addf arith.subf arith.mulf arith.divf arith.remf arith.maximumf arith.minimumf arith.maxnumf arith.minnumf math.copysign".split()
FLOAT_UNARY = "arith.negf math.absf math.ceil math.floor math.round math.roundeven math.rsqrt math.sqrt math.trunc".split()
INTEGER_UNARY = "math.absi math.ctlz math.cttz math.ctpop".split()
FLOAT_PREDICATES = "oeq ogt oge olt ole one ord ueq ugt uge ult ule une uno".split()


class Kernel:
    def __init__(self, name, *types):
        parameters = "".join(f", %a{i}: {t}" for i, t in enumerate(types))
        self.lines = [f"func.func @{name}(%p: i64, %on: i1{parameters}) {{"]
        self.count = 0

    def add(self, text, result):
        """One operation; what it yields is stored, under a condition so that no store makes an earlier one dead."""
        value, width = f"%v{self.count}", WIDTH[result]
        self.count += 1
        self.lines.append(f"  {value} = {text}")
        if result == "index":
            self.lines.append(f"  {value}i = arith.index_cast {value} : index to i64")
            value += "i"
        elif result in FLOATS:
            self.lines.append(f"  {value}i = arith.bitcast {value} : {result} to i{width}")
            value += "i"
        elif result == "i1":
            self.lines.append(f"  {value}i = arith.extui {value} : i1 to i8")
            value, width = value + "i", 8
        self.lines.append(f'  tile_gpu.machine "st.global.b{width}.pred"(%p, %on, {value}) : (i64, i1, i{width}) -> ()')

    def print(self):
        print("\n".join(self.lines + ["  return", "}"]))


def main():
    for t in INTEGERS:
        kernel = Kernel("int_" + t, t, t)
        for op in INTEGER_BINARY:
            kernel.add(f"arith.{op} %a0, %a1 : {t}", t)
        if t != "index":
            for op in INTEGER_UNARY:
                kernel.add(f"{op} %a0 : {t}", t)
        for predicate in ["eq", "slt", "uge"]:
            kernel.add(f"arith.cmpi {predicate}, %a0, %a1 : {t}", "i1")
        kernel.add(f"arith.select %on, %a0, %a1 : {t}", t)
        kernel.print()
    for t in FLOATS:
        kernel = Kernel("float_" + t, t, t)
        for op in FLOAT_BINARY:
            kernel.add(f"{op} %a0, %a1 : {t}", t)
        for op in FLOAT_UNARY:
            kernel.add(f"{op} %a0 : {t}", t)
        kernel.add(f"math.fma %a0, %a1, %a0 : {t}", t)
        for predicate in FLOAT_PREDICATES:
            kernel.add(f"arith.cmpf {predicate}, %a0, %a1 : {t}", "i1")
        kernel.add(f"arith.select %on, %a0, %a1 : {t}", t)
        kernel.print()
    kernel = Kernel("conversions", *INTEGERS, *FLOATS)
    types = INTEGERS + FLOATS
    for i, a in enumerate(types):
        for b in types:
            wider, integers = WIDTH[b] > WIDTH[a], (a in INTEGERS, b in INTEGERS)
            if "index" in (a, b):
                ops = ["index_cast", "index_castui"] if all(integers) and a != b else []
            elif all(integers):
                ops = ["extsi", "extui"] if wider else ["trunci"] if WIDTH[b] < WIDTH[a] else []
            elif not any(integers):
                ops = ["extf"] if wider else ["truncf"] if WIDTH[b] < WIDTH[a] else []
            else:
                ops = ["sitofp", "uitofp"] if integers[0] else ["fptosi", "fptoui"]
            for op in ops:
                kernel.add(f"arith.{op} %a{i} : {a} to {b}", b)
    kernel.print()


main()
