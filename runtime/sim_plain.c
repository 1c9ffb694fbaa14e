/* sim_plain.c -- services without checks or counts, for a text that is known to be right: memory is
 * memory, copies land at once. Results are those of a checked run.
 */
#include "sim_state.h"

#include <string.h>

#define M (&sim_machine)

void sim_plain_shared_load(u64 at, void *out, u32 addr, int bytes)
{
	M->cur->at = at;
	M->calls++;
	memcpy(out, M->smem + sim_plain_offset(addr, bytes), (size_t)bytes);
}

void sim_plain_shared_store(u64 at, u32 addr, const void *v, int bytes)
{
	M->cur->at = at;
	M->calls++;
	memcpy(M->smem + sim_plain_offset(addr, bytes), v, (size_t)bytes);
}

void sim_plain_global_load(u64 at, void *out, const void *p, int bytes)
{
	M->cur->at = at;
	M->calls++;
	memcpy(out, p, (size_t)bytes);
}

void sim_plain_global_store(u64 at, void *p, const void *v, int bytes)
{
	M->cur->at = at;
	M->calls++;
	memcpy(p, v, (size_t)bytes);
}

void sim_plain_table_load(u64 at, void *out, const void *p, int bytes)
{
	sim_plain_global_load(at, out, p, bytes);
}

void sim_plain_cp_async(u64 at, u32 dst, const void *src, int size, int bytes)
{
	unsigned char *to = M->smem + sim_plain_offset(dst, size);

	M->cur->at = at;
	M->calls++;
	if (size == 16 && bytes == 16) { /* nearly always */
		memcpy(to, src, 16);
		return;
	}
	memset(to, 0, (size_t)size);
	memcpy(to, bytes ? src : to, (size_t)bytes);
}

void sim_plain_cp_async_commit(u64 at, int site)
{
	(void)site;
	M->cur->at = at;
}

void sim_plain_cp_async_wait(u64 at, int site, int n)
{
	(void)site;
	(void)n;
	M->cur->at = at;
}
