/* choose.h -- which device runs, and which GPU's text it gets. */
#ifndef AZ_CHOOSE_H
#define AZ_CHOOSE_H

#include "cli.h"
#include "driver.h"
#include "gpu.h"

/* --device, else the GPU where there is one; throws when gpu was asked for and is missing. */
bool choose_device(Cli *c);
/* --gpu, else the description of the device at hand with its own count of SMs, else the default;
 * *device names it. */
const Gpu *choose_gpu(Cli *c, bool on_gpu, const char **device);

#endif
