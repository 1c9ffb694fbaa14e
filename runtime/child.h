/* child.h -- this program again, in a process that may crash, hang or lose its GPU context. */
#ifndef AZ_CHILD_H
#define AZ_CHILD_H

#include "../codegen/arena.h"

/* Runs `argv` (without the program's name, NULL-terminated) for at most `seconds`. Its stdout and
 * the last line of its stderr are left in *out and *err, in `a`. Returns its exit status, or -1
 * when it was killed or crashed. */
int child_run(Arena *a, const char *const *argv, double seconds, const char **out,
              const char **err);

#endif
