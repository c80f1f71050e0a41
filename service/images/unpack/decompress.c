/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "decompress.h"

#include "sink.h"
#include "stream.h"

bool
decompress_copy (struct job *job, int source, int sink)
{
  struct stream *stream = stream_new (job, source);
  const void *data;
  size_t size = 1;
  bool ok = stream != NULL;

  while (ok && size > 0) {
    ok = stream_next (stream, &data, &size) && sink_write (job, sink, data, size);
    job_report_progress (job);
  }
  stream_free (stream);
  return ok;
}
