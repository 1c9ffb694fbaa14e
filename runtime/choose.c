/* choose.c -- which device runs, and which GPU's text it gets. */
#include "choose.h"

#include <stdio.h>
#include <string.h>

static const char DEFAULT_GPU[] = "h100", OLDEST_GPU[] = "a100";

bool choose_device(Cli *c)
{
	const char *why;

	if (c->device && !strcmp(c->device, "sim"))
		return false;
	if (driver_found(&why))
		return true;
	if (c->device && !strcmp(c->device, "gpu"))
		diag_env(c->diag, "--device gpu: %s", why);
	return false;
}

/* The nearest description: the oldest GPU's text runs on all later ones, through PTX. */
static const Gpu *nearest(Cli *c, const DeviceInfo *info)
{
	const Gpu *g = gpu_match(c->diag, c->arena, info->name, info->major, info->minor), *all[64];
	int n = g ? 0 : gpu_all(c->diag, c->arena, all, 64);

	for (int i = 0; i < n && !g; i++)
		if (gpu_is(all[i], info->major, info->minor))
			g = all[i];
	return g ? g : gpu_find(c->diag, c->arena, OLDEST_GPU);
}

const Gpu *choose_gpu(Cli *c, bool on_gpu, const char **device)
{
	const DeviceInfo *info = on_gpu ? driver_found(NULL) : NULL;
	Gpu *found;

	*device = info ? info->name : "sim";
	if (c->gpu || !info)
		return gpu_find(c->diag, c->arena, c->gpu ? c->gpu : DEFAULT_GPU);
	found = ARENA_NEW(c->arena, Gpu);
	*found = *nearest(c, info);
	found->target.sms =
	    info->sms; /* of one name there are several: an H100 PCIe has 114, not 132 */
	return found;
}
