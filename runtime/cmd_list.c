/* cmd_list.c -- list, gpus, doctor: what there is. */
#define _GNU_SOURCE
#include "cache.h"
#include "cli.h"
#include "driver.h"
#include "embed.h"
#include "gpu.h"
#include "json.h"
#include "nvrtc.h"
#include "plan.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

double clock_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A spec that does not load is listed with its error; list itself goes on. */
static const SpecInfo *open_quietly(Cli *c, const char *name, Spec **spec, Diag *d)
{
	const char *shown, *path = arena_printf(c->arena, "specs/%s.lua", name);

	shown = path;
	*spec = NULL;
	memset(d, 0, sizeof *d);
	if (DIAG_TRY(d))
		return NULL;
	*spec = spec_open(d, path, shown);
	return spec_info(*spec);
}

static void describe(Json *j, const SpecInfo *info)
{
	int i;

	json_text(j, "doc", info->doc);
	json_open(j, "smoke", '[');
	for (i = 0; info->smoke[i]; i++)
		json_text(j, NULL, info->smoke[i]);
	json_close(j);
}

int cmd_list(Cli *c)
{
	const char *const *n;
	int status = ST_OK;
	Json j;

	if (c->json) {
		json_begin(&j, stdout);
		json_open(&j, "specs", '[');
	}
	for (n = embed_list("specs/", ".lua"); *n; n++) {
		Diag d;
		Spec *s;
		const SpecInfo *info = open_quietly(c, *n, &s, &d);
		if (!info)
			status = ST_USER;
		if (c->json) {
			json_open(&j, NULL, '{');
			json_text(&j, "name", *n);
			if (info)
				describe(&j, info);
			else
				json_text(&j, "error", d.text);
			json_close(&j);
		} else if (info) {
			printf("%-22s %s\n", *n, info->doc ? info->doc : "");
		} else {
			fprintf(stderr, "%s\n", d.text);
		}
		if (s)
			spec_close(s);
	}
	if (c->json) {
		json_close(&j);
		json_end(&j);
	}
	return status;
}

int cmd_gpus(Cli *c)
{
	const Gpu *all[64];
	int i, n = gpu_all(c->diag, c->arena, all, 64);
	Json j;

	if (c->json) {
		json_begin(&j, stdout);
		json_open(&j, "gpus", '[');
	} else {
		printf("%-9s %-24s %-8s %4s %9s %9s %7s %9s\n", "name", "GPU", "arch", "SMs", "smem/blk",
		       "DRAM GB/s", "L2 MB", "TFLOP/s");
	}
	for (i = 0; i < n; i++) {
		const GpuTarget *g = &all[i]->target;
		if (!c->json) {
			printf("%-9s %-24s %-8s %4d %9d %9g %7g %9g\n", all[i]->name, all[i]->title, g->arch,
			       g->sms, g->smem_block, g->dram_gbs, g->l2_mb, g->tensor_tflops);
			continue;
		}
		json_open(&j, NULL, '{');
		json_text(&j, "name", all[i]->name);
		json_text(&j, "title", all[i]->title);
		json_text(&j, "arch", g->arch);
		json_int(&j, "sms", g->sms);
		json_int(&j, "smem_block", g->smem_block);
		json_number(&j, "dram_gbs", g->dram_gbs);
		json_number(&j, "l2_mb", g->l2_mb);
		json_number(&j, "tensor_tflops", g->tensor_tflops);
		json_close(&j);
	}
	if (c->json) {
		json_close(&j);
		json_end(&j);
	}
	return ST_OK;
}

/* One thing that may be missing: its name, what was found (NULL: nothing), how to get it. */
static void report(Cli *c, Json *j, const char *name, const char *found, const char *remedy)
{
	if (!c->json) {
		printf("%-15s %s%s\n", name, found ? found : "missing: ", found ? "" : remedy);
		return;
	}
	json_open(j, name, '{');
	json_bool(j, "found", found != NULL);
	json_text(j, found ? "what" : "remedy", found ? found : remedy);
	json_close(j);
}

static const char *host_compiler(Cli *c)
{
	const char *cc = getenv("CC"), *cmd;
	char line[256] = "";
	FILE *f;

	cc = cc && *cc ? cc : "cc";
	if (strpbrk(cc, "'\"`$;&|<>"))
		return NULL;
	cmd = arena_printf(c->arena, "%s --version 2>/dev/null", cc);
	f = popen(cmd, "r");
	if (f) {
		if (!fgets(line, sizeof line, f))
			line[0] = 0;
		pclose(f);
	}
	line[strcspn(line, "\n")] = 0;
	return line[0] ? arena_strdup(c->arena, line) : NULL;
}

int cmd_doctor(Cli *c)
{
	const char *why, *nvrtc = nvrtc_found(&why), *no_nvrtc = why;
	const DeviceInfo *dev = driver_found(&why);
	const char *text = NULL, *root = embed_root();
	const Gpu *g = NULL;
	Json j;

	if (dev) {
		g = gpu_match(c->diag, c->arena, dev->name, dev->major, dev->minor);
		text =
		    arena_printf(c->arena, "%s (sm_%d%d, %d SMs, driver %d.%d), described by %s", dev->name,
		                 dev->major, dev->minor, dev->sms, dev->driver / 1000,
		                 dev->driver / 10 % 100, g ? g->name : "nothing; the nearest is assumed");
	}
	if (c->json)
		json_begin(&j, stdout);
	report(c, &j, "gpu", text, why);
	report(c, &j, "nvrtc", nvrtc, no_nvrtc);
	report(c, &j, "host compiler", host_compiler(c),
	       "the simulator needs one; apt-get install gcc, or set CC");
	report(c, &j, "cache", cache_dir(), "no writable folder; set AZULEJO_CACHE");
	report(c, &j, "files", root ? root : "inside the program", "");
	if (c->json)
		json_end(&j);
	return ST_OK;
}
