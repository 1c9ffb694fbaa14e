/* fake_cuda.h -- a CUDA driver that runs nothing and remembers what it was asked for. */
#ifndef AZ_FAKE_CUDA_H
#define AZ_FAKE_CUDA_H

enum { FAKE_REFUSES_LOAD = 209, FAKE_REFUSES_CLUSTER = 912, FAKE_REFUSES_LAUNCH = 719 };

typedef struct FakeCuda {
	const char *name; /* the device */
	int major, minor, sms;
	int refuses; /* one of the above, or 0 */
	/* of the last launch that was not refused: */
	unsigned blocks, threads, smem, cluster;
	int launches;
} FakeCuda;

#endif
