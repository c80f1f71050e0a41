/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/*
 * What a command in a container gets for standard input, output and error.
 *
 * Programs made for containers open them by name: /dev/stdout is /proc/self/fd/1, and to open that is to open the file
 * anew, as the user inside. That is nobody here, so it works only with what anybody may open. So
 *
 *   /dev/null and the like   the command gets as they are;
 *   a pipe of the user's     too, after everybody may open the end that it gets (nobody else has a way to it);
 *   everything else          (a file, a terminal, a socket, another's pipe) has a pipe of ours in its place, which is
 *                            emptied into it here.
 *
 * What the command does not read of its input has to stay there for who comes next, so input has a pipe of ours in its
 * place only where it is the command's alone.
 */

typedef struct CliStreams CliStreams;

typedef enum {
  CLI_STREAMS_INPUT, /* standard input is ours as well: as it is, whether it can be opened by name or not */
  CLI_STREAMS_OWN_INPUT, /* standard input is the command's alone */
  CLI_STREAMS_NO_INPUT,  /* it reads nothing */
} CliStreamsInput;

/**
 * cli_streams_new:
 * @fds: to which the three are added
 * @ret_handles: (out): their handles, a floating ah
 *
 * Begins to pass on what is not handed over as it is.
 *
 * Returns: (transfer full) (nullable): NULL with @error set when one of them is not open
 */
CliStreams *cli_streams_new (CliStreamsInput input, GUnixFDList *fds, GVariant **ret_handles, GError **error);

/**
 * cli_streams_finish:
 *
 * The command is over: passes on what it had still written, and does not wait for programs that it left behind.
 *
 * Returns: FALSE when something of its output could not be written, which was said on standard error
 */
gboolean cli_streams_finish (CliStreams *streams);

/** cli_streams_free: passes nothing on any more */
void cli_streams_free (CliStreams *streams);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliStreams, cli_streams_free)
