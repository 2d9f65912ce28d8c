target triple = "nvptx64-nvidia-cuda"

define linkonce_odr float @doubled(float %x) noinline optnone {
  %place = alloca float
  store float %x, ptr %place
  %v = load float, ptr %place
  %r = fmul float %v, 3.0
  ret float %r
}

define float @scale(float %x) noinline optnone "target-cpu"="sm_52" {
  %d = call float @doubled(float %x)
  %r = fadd float %d, 1.0
  ret float %r
}
