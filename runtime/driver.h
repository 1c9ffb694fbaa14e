/* driver.h -- the CUDA driver, opened at run time. One device, its primary context, one thread.
 * Everything throws ST_ENV with the driver's own words.
 */
#ifndef AZ_DRIVER_H
#define AZ_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../codegen/diag.h"
#include "nvrtc.h"

typedef struct DeviceInfo {
	char name[128];
	int major, minor, sms, smem_block, smem_sm, l2_bytes, driver; /* driver: 13000 is 13.0 */
	size_t memory;
} DeviceInfo;

typedef struct CuStream *DeviceStream;
typedef struct CuModule *DeviceModule;
typedef struct CuFunction *DeviceFunction;
typedef struct CuEvent *DeviceEvent;
typedef struct CuGraphExec *DeviceGraph;
typedef uint64_t DevicePtr;

/* A usable driver and at least one device, or NULL with *why. Opened once. */
const DeviceInfo *driver_found(const char **why);

/* Whether the device runs a cubin for `arch` ("sm_90a"); others go through PTX. */
bool driver_runs(const char *arch);

/* Makes the primary context current in this thread. With `adopt`, a context that the caller has
 * made current is kept. */
void driver_use(Diag *d, bool adopt);

DevicePtr device_alloc(Diag *d, size_t bytes);
void device_free(DevicePtr p);
void device_upload(Diag *d, DevicePtr to, const void *from, size_t bytes);
void device_download(Diag *d, void *to, DevicePtr from, size_t bytes);
void device_copy(Diag *d, DevicePtr to, DevicePtr from, size_t bytes); /* no wait */
void device_poison(Diag *d, DevicePtr p, size_t bytes);                /* every byte 0xff */
size_t device_free_memory(Diag *d);

DeviceModule device_load(Diag *d, const Cubin *c);
void device_unload(DeviceModule m);
/* Opts in to `smem` bytes of dynamic shared memory. */
DeviceFunction device_function(Diag *d, DeviceModule m, const char *name, int smem);

/* In one dimension. `cluster`: how many neighbouring blocks are to be placed together, where the
 * blocks can be divided so; 0 or 1: wherever there is room. */
typedef struct Launch {
	int64_t blocks;
	int threads, smem, cluster;
} Launch;

void device_launch(Diag *d, DeviceFunction f, const Launch *l, DeviceStream stream, void **params);
/* The same without checks or throwing: the driver's status. */
int device_launch_raw(DeviceFunction f, const Launch *l, DeviceStream stream, void **params);
const char *driver_error(int status);
void device_wait(Diag *d);

/* Launches on the stream that device_capture returns become a graph, replayed on the default
 * stream without the host's cost per launch. */
DeviceStream device_capture(Diag *d);
DeviceGraph device_captured(Diag *d, DeviceStream s);
void device_replay(Diag *d, DeviceGraph g);
void device_graph_free(DeviceGraph g);

DeviceEvent device_event(Diag *d);
void device_event_free(DeviceEvent e);
void device_record(Diag *d, DeviceEvent e);
float device_elapsed_ms(Diag *d, DeviceEvent from, DeviceEvent to); /* waits for `to` */

#endif
