/* sim_tidy.c -- what a signal must take along: the compiler, its folder, the workers.
 *
 * SIGINT, SIGTERM and SIGHUP kill what is registered, remove the folder and then do what they did
 * before (a shell sees status 130 after Ctrl-C). Gets by with what POSIX allows in a handler.
 */
#define _GNU_SOURCE
#include "sim_load.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_CHILDREN = 80 };

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { NSIGNALS = sizeof signals / sizeof *signals };

static struct sigaction before[NSIGNALS];
static volatile pid_t children[MAX_CHILDREN];
static char files[SIM_SCRATCH_FILES][600], folder[600];
static volatile sig_atomic_t has_folder;
static pid_t owner;

static void on_signal(int sig)
{
	if (getpid() == owner) {
		for (int i = 0; i < MAX_CHILDREN; i++)
			if (children[i])
				kill(children[i], SIGTERM);
		for (int i = 0; has_folder && i < SIM_SCRATCH_FILES; i++)
			unlink(files[i]);
		if (has_folder)
			rmdir(folder);
	}
	for (int i = 0; i < NSIGNALS; i++)
		if (signals[i] == sig)
			sigaction(sig, &before[i], NULL);
	raise(sig);
}

/* Once; a handler or SIG_IGN that was there before is called, or stays in force, after ours. */
static void listen(void)
{
	struct sigaction act;

	if (owner == getpid())
		return;
	owner = getpid();
	memset(&act, 0, sizeof act);
	act.sa_handler = on_signal;
	for (int i = 0; i < NSIGNALS; i++) {
		sigaction(signals[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN && before[i].sa_handler != on_signal)
			sigaction(signals[i], &act, NULL);
	}
}

void sim_scratch(const char *dir, const char *const *name)
{
	has_folder = 0;
	if (!dir)
		return;
	snprintf(folder, sizeof folder, "%s", dir);
	for (int i = 0; i < SIM_SCRATCH_FILES; i++)
		snprintf(files[i], sizeof files[i], "%s/%s", dir, name[i]);
	has_folder = 1;
	listen();
}

void sim_child(long pid, bool alive)
{
	listen();
	for (int i = 0; i < MAX_CHILDREN; i++)
		if (alive ? !children[i] : children[i] == (pid_t)pid) {
			children[i] = alive ? (pid_t)pid : 0;
			return;
		}
}
