/* sim_service.c -- the simulator's halves of templates/ call these, through variables of their own
 * names in the loaded text; a text declares those it uses.
 */
#define _GNU_SOURCE
#include "sim_state.h"
#include "sim_trace.h"

#include <dlfcn.h>
#include <string.h>

/* clang-format off */
#define SERVICES(X) \
	X(here) \
	X(block_sync) \
	X(warp_sync) \
	X(named_sync) \
	X(smem_base) \
	X(shared_load) \
	X(shared_store) \
	X(global_load) \
	X(global_store) \
	X(table_load) \
	X(cp_async) \
	X(cp_async_commit) \
	X(cp_async_wait) \
	X(batch) \
	X(stmatrix) \
	X(named_arrive) \
	X(mbarrier_init) \
	X(mbarrier_init_fence) \
	X(mbarrier_arrive) \
	X(mbarrier_wait) \
	X(tma_prefetch) \
	X(tma_load) \
	X(tma_store) \
	X(tma_store_commit) \
	X(tma_store_wait) \
	X(bulk_load) \
	X(proxy_fence) \
	X(regs) \
	X(wgmma_fence) \
	X(wgmma_commit) \
	X(wgmma_wait) \
	X(wgmma_hold) \
	X(wgmma) \
	X(shfl) \
	X(f16_round) \
	X(f16_widen)

/* Those that have a half without checks. */
#define PLAIN(X) \
	X(shared_load) \
	X(shared_store) \
	X(global_load) \
	X(global_store) \
	X(table_load) \
	X(cp_async) \
	X(cp_async_commit) \
	X(cp_async_wait) \
	X(batch) \
	X(wgmma) \
	X(wgmma_fence) \
	X(wgmma_commit) \
	X(wgmma_wait)
/* clang-format on */

typedef struct Service {
	const char *name;
	SimFn *fn;
} Service;

static const Service services[] = {
#define ROW(name) {"sim_" #name, (SimFn *)sim_do_##name},
    SERVICES(ROW)
#undef ROW
};

static const Service plain[] = {
#define ROW(name) {"sim_" #name, (SimFn *)sim_plain_##name},
    PLAIN(ROW)
#undef ROW
};

static void bind(void *lib, const Service *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		void *var = dlsym(lib, s[i].name);

		if (var)
			memcpy(var, &s[i].fn, sizeof s[i].fn);
	}
}

void sim_bind(void *lib, bool unchecked)
{
	bind(lib, services, sizeof services / sizeof *services);
	if (unchecked)
		bind(lib, plain, sizeof plain / sizeof *plain);
	sim_trace_bind(lib);
}
