/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bothy-pack: writes what the layers of an image show together into an archive, which a user opened. Started
 * as bothy-unpack is, and speaks the same; see protocol.h. A program of its own, for it reads and makes
 * nothing.
 */
#include <errno.h>
#include <locale.h>

#include "images/unpack/confine.h"
#include "images/unpack/receive.h"
#include "pack.h"

int
main (void)
{
  static struct job job = JOB_INIT;
  int roots[UNPACK_MAX_SOURCES];

  if (setlocale (LC_CTYPE, "C.UTF-8") == NULL)
    setlocale (LC_CTYPE, "");
  job.connection = UNPACK_CONNECTION_FD;
  for (unsigned int i = 0; i < UNPACK_MAX_SOURCES; i++)
    roots[i] = UNPACK_LAYERS_FD + (int)i;
  if (receive_request (&job)) {
    if (job.request.mode != UNPACK_PACK || job.n_sources < 2)
      job_fail (&job, UNPACK_IO, EPROTO, "The request makes no sense to this version");
    else if (confine_reading (&job, roots, job.n_sources - 1) && job_watch (&job))
      pack_layers (&job, roots, job.n_sources - 1, UNPACK_SOURCE_FD);
  }
  job_finish (&job, NULL, 0);
}
