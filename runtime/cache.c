/* cache.c -- compiled kernels kept on disk.
 *
 * Entry: 8 bytes of magic, the SHA-256 of what follows, the payload. The payload's length is the
 * file's; a truncated file fails its checksum.
 */
#define _GNU_SOURCE
#include "cache.h"
#include "sha256.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = "AZCUBIN1";

bool cache_make_folder(char *path)
{
	char *c;

	for (c = path + 1; *c; c++)
		if (*c == '/') {
			*c = 0;
			if (mkdir(path, 0777) && errno != EEXIST)
				return *c = '/', false;
			*c = '/';
		}
	return !mkdir(path, 0777) || errno == EEXIST;
}

const char *cache_dir(void)
{
	static char dir[PATH_MAX];
	static int known;
	const char *s;

	if (!known) {
		known = 1;
		if ((s = getenv("AZULEJO_CACHE")) && *s)
			snprintf(dir, sizeof dir, "%s", s);
		else if ((s = getenv("XDG_CACHE_HOME")) && *s == '/')
			snprintf(dir, sizeof dir, "%s/azulejo", s);
		else if ((s = getenv("HOME")) && *s == '/')
			snprintf(dir, sizeof dir, "%s/.cache/azulejo", s);
		if (!dir[0] || !cache_make_folder(dir) || access(dir, W_OK))
			dir[0] = 0;
	}
	return dir[0] ? dir : NULL;
}

static bool entry_path(const char *key, char *path, size_t size)
{
	return cache_dir() && snprintf(path, size, "%s/%.64s.bin", cache_dir(), key) < (int)size;
}

static void digest(const void *data, size_t n, unsigned char out[32])
{
	Sha256 s;

	sha256_init(&s);
	sha256_add(&s, data, n);
	sha256_end(&s, out);
}

bool cache_get(const char *key, void **data, size_t *size)
{
	char path[PATH_MAX + 80];
	unsigned char head[40], sum[32];
	struct stat st;
	FILE *f;
	bool ok = false;

	*data = NULL;
	if (!entry_path(key, path, sizeof path) || !(f = fopen(path, "rb")))
		return false;
	if (!fstat(fileno(f), &st) && st.st_size > 40 && fread(head, 1, 40, f) == 40) {
		*size = (size_t)st.st_size - 40;
		*data = malloc(*size);
		ok = *data && fread(*data, 1, *size, f) == *size && !memcmp(head, magic, 8);
		if (ok) {
			digest(*data, *size, sum);
			ok = !memcmp(sum, head + 8, 32);
		}
	}
	fclose(f);
	if (!ok) {
		free(*data);
		*data = NULL;
		unlink(path);
	}
	return ok;
}

bool cache_write_atomic(const char *path, const void *data, size_t size)
{
	char tmp[PATH_MAX + 128];
	FILE *f;
	bool ok;

	snprintf(tmp, sizeof tmp, "%s.%ld.tmp", path, (long)getpid());
	f = fopen(tmp, "wb");
	if (!f)
		return false;
	ok = fwrite(data, 1, size, f) == size;
	ok = !fflush(f) && !fsync(fileno(f)) && ok;
	ok = !fclose(f) && ok;
	if (ok && !rename(tmp, path))
		return true;
	unlink(tmp);
	return false;
}

void cache_put(const char *key, const void *data, size_t size)
{
	char path[PATH_MAX + 80];
	unsigned char *all;

	if (!entry_path(key, path, sizeof path) || !(all = malloc(size + 40)))
		return;
	memcpy(all, magic, 8);
	digest(data, size, all + 8);
	memcpy(all + 40, data, size);
	cache_write_atomic(path, all, size + 40);
	free(all);
}
