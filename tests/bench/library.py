"""library.py -- libazulejo through ctypes: one handle opened, loaded and bound to torch's tensors.

A kernel here is anything with: args, settings, stages, output(name), bind(tensors) -> launch().
The self-test has another one, over the simulator.
"""
import ctypes as C

MAX_ARGS, MAX_AXES = 24, 6
DTYPES = ("float32", "bfloat16", "float16", "int32")  # AzDtype, as torch calls them
BYTES = (4, 2, 2, 4)


class AzArg(C.Structure):
    _fields_ = [("name", C.c_char_p), ("dtype", C.c_int), ("output", C.c_int),
                ("present", C.c_int), ("rank", C.c_int), ("axis", C.c_char_p * MAX_AXES),
                ("size", C.c_int64 * MAX_AXES), ("stride", C.c_int64 * MAX_AXES)]


class AzStage(C.Structure):
    _fields_ = [("name", C.c_char_p), ("blocks", C.c_int64), ("threads", C.c_int),
                ("smem", C.c_int), ("registers", C.c_int), ("spill_bytes", C.c_int),
                ("cluster", C.c_int)]


PROTOTYPES = {
    "az_open": (C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.c_char_p),
    "az_close": (None, C.c_void_p),
    "az_args": (C.c_int, C.c_void_p),
    "az_arg": (C.POINTER(AzArg), C.c_void_p, C.c_int),
    "az_build": (C.c_int, C.c_void_p),
    "az_load": (C.c_int, C.c_void_p),
    "az_workspace": (C.c_size_t, C.c_void_p),
    "az_settings": (C.c_char_p, C.c_void_p),
    "az_stage": (C.c_int, C.c_void_p, C.c_int, C.POINTER(AzStage)),
    "az_launch": (C.c_int, C.c_void_p, C.c_void_p, C.c_void_p, C.c_void_p),
    "az_error": (C.c_char_p,),
}


class AzulejoError(RuntimeError):
    pass


class Arg:
    """An argument that is bound: name, dtype (torch's name), whether written, sizes as declared."""

    def __init__(self, a):
        self.name, self.dtype, self.output = a.name.decode(), DTYPES[a.dtype], bool(a.output)
        self.size = tuple(a.size[i] for i in range(a.rank))
        self.bytes = BYTES[a.dtype]
        for n in self.size:
            self.bytes *= n


class Library:
    def __init__(self, path):
        self.lib = C.CDLL(path)
        for name, (result, *params) in PROTOTYPES.items():
            f = getattr(self.lib, name)
            f.restype, f.argtypes = result, params

    def open(self, spec, settings, bind=None, gpu=None):
        return Kernel(self.lib, spec, settings, bind, gpu)


def text(settings):
    return ",".join(f"{k}={v}" for k, v in settings.items())


class Kernel:
    def __init__(self, lib, spec, settings, bind, gpu):
        self.lib, self.handle = lib, None
        encoded = [s.encode() if s else None for s in (spec, gpu, text(settings), bind)]
        self.handle = lib.az_open(*encoded)
        if not self.handle:
            self._raise()
        self.index, self.args = {}, []
        for i in range(lib.az_args(self.handle)):
            a = lib.az_arg(self.handle, i).contents
            if a.present and a.rank:
                self.args.append(Arg(a))
                self.index[self.args[-1].name] = i
        self.workspace = None

    def _raise(self):
        raise AzulejoError(self.lib.az_error().decode())

    def _check(self, status):
        if status:
            self._raise()

    @property
    def bytes(self):
        return sum(a.bytes for a in self.args)

    @property
    def settings(self):
        s = self.lib.az_settings(self.handle)
        return s.decode() if s else self._raise()

    def build(self):
        self._check(self.lib.az_build(self.handle))

    def load(self):
        self._check(self.lib.az_load(self.handle))

    @property
    def stages(self):
        out, s = [], AzStage()
        for i in range(self.lib.az_stage(self.handle, -1, None)):
            self.lib.az_stage(self.handle, i, C.byref(s))
            out.append(dict(name=s.name.decode(), blocks=s.blocks, threads=s.threads, smem=s.smem,
                            registers=s.registers, spill_bytes=s.spill_bytes))
        return out

    def bind(self, torch, tensors):
        """A launch on torch's current stream, of these tensors (contiguous, by name)."""
        pointer = (C.c_void_p * MAX_ARGS)()
        for a in self.args:
            t = tensors[a.name]
            if str(t.dtype) != "torch." + a.dtype or not t.is_contiguous():
                raise AzulejoError(f"{a.name}: {a.dtype} and contiguous is wanted")
            if t.numel() * t.element_size() != a.bytes:
                raise AzulejoError(f"{a.name}: {tuple(t.shape)} given, {a.size} wanted")
            pointer[self.index[a.name]] = t.data_ptr()
        n = self.lib.az_workspace(self.handle)
        if n and self.workspace is None:
            self.workspace = torch.empty(n, dtype=torch.uint8, device="cuda")
        work = self.workspace.data_ptr() if n else None
        launch, handle = self.lib.az_launch, self.handle

        def call():
            if launch(handle, pointer, work, torch.cuda.current_stream().cuda_stream):
                self._raise()
        call.keep = tensors, self.workspace  # as long as their addresses are in use
        return call

    def close(self):
        if self.handle:
            self.lib.az_close(self.handle)
        self.handle = None
