/* embed.h -- the files the program carries: the language, templates, specs, GPU descriptions.
 *
 * A file on disk wins over the embedded copy when the program runs inside a source tree:
 * AZULEJO_HOME is set, or the binary lies in <root>/build.
 */
#ifndef AZ_EMBED_H
#define AZ_EMBED_H

#include <stddef.h>

typedef struct EmbeddedFile {
	const char *path, *data; /* "dsl/azulejo.lua"; data ends with a NUL not counted in size */
	size_t size;
} EmbeddedFile;

/* Sorted by path; the last entry has a NULL path. Written by embed_tool at build time. */
extern const EmbeddedFile embedded_files[];

/* The root of the source tree, or NULL when there is none. */
const char *embed_root(void);

/* The contents of `path` ("specs/x.lua"), disk first; NUL-terminated; NULL when there is none.
 * The text lives until the program ends. `size` may be NULL. */
const char *embed_find(const char *path, size_t *size);

/* Names under a folder with a suffix ("specs/", ".lua"), disk and embedded, sorted, each once and
 * without folder and suffix; NULL-terminated; lives until the program ends. */
const char *const *embed_list(const char *folder, const char *suffix);

#endif
