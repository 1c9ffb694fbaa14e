/* cache.h -- compiled kernels kept on disk. An entry is checksummed and written by rename; one
 * that does not check is as good as absent. Nothing here ever fails: no cache is a slower cache.
 */
#ifndef AZ_CACHE_H
#define AZ_CACHE_H

#include <stdbool.h>
#include <stddef.h>

/* $AZULEJO_CACHE, else $XDG_CACHE_HOME/azulejo, else ~/.cache/azulejo; made when absent.
 * NULL when it cannot be written. */
const char *cache_dir(void);

/* `key` is a hex digest. *data is malloc'ed. */
bool cache_get(const char *key, void **data, size_t *size);
void cache_put(const char *key, const void *data, size_t size);

/* A folder and those above it; true when it is there. `path` is restored. */
bool cache_make_folder(char *path);

/* Writes a file by a temporary name and rename, so that no reader sees half of it. */
bool cache_write_atomic(const char *path, const void *data, size_t size);

#endif
