/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* A tar archive that a process of its own, bothy-archive, makes of files here, or files here of it, while the service reads or
 * writes the other end. */
typedef struct {
  int fd;     /* the other end, or -1 */
  GPid child; /* 0: none */
} CliArchiver;

/* Of the files that it makes, or finds. */
typedef struct {
  const char *name; /* in place of the first part of each name; NULL: as they are */
  int mode;         /* permissions of a file, or -1: its own */
  guint uid, gid;   /* inside, of what is sent */
} CliArchiverNames;

/**
 * cli_archiver_pack:
 * @path: a directory; links in it are kept, other file systems below it are left out
 *
 * Begins to read @path, as the root of an image, with the caller's own rights. Owners are written as the numbers that the
 * caller sees.
 */
gboolean cli_archiver_pack (CliArchiver *archiver, const char *path, GError **error);

/**
 * cli_archiver_send:
 * @path: a directory, or a file, or "-" for standard input
 * @names: with a name, and owners for all
 *
 * Begins to read it for a container.
 */
gboolean
cli_archiver_send (CliArchiver *archiver, const char *path, const CliArchiverNames *names, GError **error);

/**
 * cli_archiver_receive:
 * @directory: where the files go
 * @first: what the archive begins with, which all else in it has to be below
 * @name: (nullable): what that is called there
 *
 * Begins to make files of what is written into the archiver's end: the caller's own, without setuid. Nothing in the archive,
 * which is somebody else's, leads out of @directory, or through links that it brings.
 */
gboolean cli_archiver_receive (
    CliArchiver *archiver, const char *directory, const char *first, const char *name, GError **error);

/**
 * cli_archiver_print:
 * @output: where, or -1: standard output
 *
 * Begins to write the content of the one regular file of an archive.
 */
gboolean cli_archiver_print (CliArchiver *archiver, int output, GError **error);

/** cli_archiver_attributes: the same with "MODE UID GID" of the file, as numbers, into @output */
gboolean cli_archiver_attributes (CliArchiver *archiver, int output, GError **error);

/** cli_archiver_end: closes the archiver's end, so that a process that reads sees one. */
void cli_archiver_end (CliArchiver *archiver);

/** cli_archiver_stop: nobody wants any more what it does; it is waited for with cli_archiver_close(). */
void cli_archiver_stop (CliArchiver *archiver);

/**
 * cli_archiver_close:
 *
 * Waits for the process. Returns: FALSE when it could not read or make all, and said so on standard error; an archive
 * that it made has no end then, and nobody takes it.
 */
gboolean cli_archiver_close (CliArchiver *archiver);
