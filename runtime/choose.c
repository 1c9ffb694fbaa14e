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

const Gpu *choose_gpu(Cli *c, bool on_gpu, const char **device)
{
	const DeviceInfo *info = on_gpu ? driver_found(NULL) : NULL;
	const Gpu *g = NULL, *all[64];
	char arch[16];
	int i, n;

	*device = info ? info->name : "sim";
	if (c->gpu)
		return gpu_find(c->diag, c->arena, c->gpu);
	if (!info)
		return gpu_find(c->diag, c->arena, DEFAULT_GPU);
	if ((g = gpu_match(c->diag, c->arena, info->name)))
		return g;
	n = gpu_all(c->diag, c->arena, all, 64);
	snprintf(arch, sizeof arch, "sm_%d%d", info->major, info->minor);
	for (i = 0; i < n; i++) /* an unknown device of a known architecture */
		if (!strncmp(all[i]->target.arch, arch, strlen(arch)))
			return all[i];
	return gpu_find(c->diag, c->arena, OLDEST_GPU); /* runs on all later ones, through PTX */
}
