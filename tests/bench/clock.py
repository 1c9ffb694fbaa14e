"""clock.py -- how long calls take on the GPU.

A contestant is call(i), which enqueues one launch on copy i of its inputs. A race captures each
contestant as a CUDA graph of launches that go round the copies, then replays the graphs in turn,
round after round; a time is the median of the rounds. Before a sample the GPU is kept busy while
the host enqueues, so that no gap of the host's is timed.
"""
import gc
import math
from collections import deque

SAMPLE_MS, MOST_LAUNCHES = 1.5, 512


def median(samples):
    """The median and the interval that holds it at 95%, by order statistics."""
    s = sorted(samples)
    n, half = len(s), 0.98 * math.sqrt(len(s))
    lo, hi = max(0, math.floor(n / 2 - half)), min(n - 1, math.ceil(n / 2 + half))
    return s[n // 2], s[lo], s[hi]


class Clock:
    def __init__(self, torch, rounds=21):
        self.torch, self.rounds = torch, rounds
        self.copies, self.matmuls, self.big = [], [], None
        self.l2 = torch.cuda.get_device_properties(0).L2_cache_size

    def rotation(self, nbytes):
        """How many sets of inputs hold over four times the L2 beside the one in use."""
        free, _ = self.torch.cuda.mem_get_info()
        want = 1 + math.ceil(4 * self.l2 / max(1, nbytes))
        return max(1, min(want, MOST_LAUNCHES, int(0.2 * free / max(1, nbytes))))

    # -- the ceilings ------------------------------------------------------------------------------

    def _allocate(self):
        torch, bf16 = self.torch, self.torch.bfloat16
        x = torch.empty(2 ** 31, dtype=bf16, device="cuda").normal_()
        a, b = (torch.randn(8192, 8192, dtype=bf16, device="cuda") for _ in range(2))
        self.big = x, torch.empty_like(x), a, b, torch.empty_like(a)
        for _ in range(3):
            self.big[1].copy_(x)
            torch.matmul(a, b, out=self.big[4])

    def ceilings(self):
        """Adds samples of a 4 GiB copy, in GB/s read and written, and of an 8192^3 bf16 product,
        in TFLOP/s; gives this call's medians."""
        if not self.big:
            self._allocate()
        x, y, a, b, c = self.big
        n = len(self.copies)
        for _ in range(3):
            ms = self._event(lambda: y.copy_(x))
            self.copies.append(2 * x.nbytes / ms / 1e6)
            ms = self._event(lambda: self.torch.matmul(a, b, out=c))
            self.matmuls.append(2 * 8192 ** 3 / ms / 1e9)
        return median(self.copies[n:])[0], median(self.matmuls[n:])[0]

    # -- samples -----------------------------------------------------------------------------------

    def _events(self):
        return [self.torch.cuda.Event(enable_timing=True) for _ in range(2)]

    def _enqueue(self, run):
        a, b = self._events()
        self.torch.cuda._sleep(2_000_000)  # cycles: about 1 ms
        a.record()
        run()
        b.record()
        return a, b

    def _event(self, run):
        a, b = self._enqueue(run)
        b.synchronize()
        return a.elapsed_time(b)

    def _capture(self, call, copies, n):
        torch, g, keep = self.torch, self.torch.cuda.CUDAGraph(), deque(maxlen=copies)
        with torch.cuda.graph(g, capture_error_mode="thread_local"):
            for i in range(n):
                keep.append(call(i % copies))  # results rotate as inputs do
        return g

    def _batch(self, call, copies):
        """(replay, launches a replay, how)"""
        torch = self.torch
        for i in range(2):
            call(i % copies)
        torch.cuda.synchronize()
        try:
            n = (7 + copies) // copies * copies
            n = n if n * self._event(lambda: call(0)) < 20 else copies
            g = self._capture(call, copies, n)
            self._event(g.replay)
            ms = self._event(g.replay) / n
            want = min(MOST_LAUNCHES, max(copies, math.ceil(SAMPLE_MS / max(ms, 1e-4))))
            want = (want + copies - 1) // copies * copies
            if want > 1.5 * n:
                g = self._capture(call, copies, want)
                n = want
            self._event(g.replay)
            return g.replay, n, "graph"
        except Exception as e:  # what cannot be captured is launched
            torch.cuda.synchronize()
            why = f"launches ({type(e).__name__})"

        def launches():
            for i in range(copies):
                call(i)
        self._event(launches)
        return launches, copies, why

    def race(self, calls, copies, seconds=5.0):
        """One dict a call: ms, low, high, samples, batch, how; or problem."""
        out, lanes = [], []
        for call in calls:
            try:
                lanes.append((*self._batch(call, copies), []))
                out.append({})
            except Exception as e:
                lanes.append(None)
                out.append({"problem": f"{type(e).__name__}: {e}"[:300]})
        live = [lane for lane in lanes if lane]
        spent = 0.0
        for r in range(self.rounds):
            turn = live[r % len(live):] + live[:r % len(live)] if live else []
            marks = [(lane, self._enqueue(lane[0])) for lane in turn]
            self.torch.cuda.synchronize()
            for lane, (a, b) in marks:
                ms = a.elapsed_time(b)
                lane[3].append(ms / lane[1])
                spent += ms / 1e3
            if spent > seconds and r >= 4:
                break
        for lane, o in zip(lanes, out):
            if lane:
                ms, low, high = median(lane[3])
                o.update(ms=ms, low=low, high=high, samples=len(lane[3]), batch=lane[1],
                         how=lane[2])
        lanes = live = turn = marks = lane = None  # and with them the graphs' memory
        gc.collect()
        self.torch.cuda.empty_cache()
        return out

    def kernel_ms(self, call, copies):
        """Summed kernel time of a launch, as the profiler has it."""
        torch, n = self.torch, max(copies, 64)
        kind = torch.profiler.ProfilerActivity.CUDA
        for i in range(min(copies, 4)):
            call(i)
        torch.cuda.synchronize()
        with torch.profiler.profile(activities=[kind]) as p:
            for i in range(n):
                call(i % copies)
            torch.cuda.synchronize()
        total = sum(e.self_device_time_total for e in p.key_averages()) / 1e3
        if not total > 0:
            raise RuntimeError("the profiler saw no kernel")
        return total / n
