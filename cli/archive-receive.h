/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * archive_receive:
 * @first: what the archive on standard input begins with, as a name; all others have to be below it
 * @name: (nullable): what it is called here
 *
 * Makes files of it in the working directory: the caller's own, without setuid, whoever owns them in the archive. Nothing of
 * it leads out of that directory or through a link. A file takes the place of another one, or of a link, when it is whole;
 * a directory and what is none never replace one another. Returns an exit code, or ends the program.
 */
int archive_receive (const char *first, const char *name);

/** archive_print: writes the content of the one file of the archive to standard output. Returns an exit code. */
int archive_print (void);

/** archive_print_attributes: writes "MODE UID GID" of it, the mode octal. Returns an exit code. */
int archive_print_attributes (void);
