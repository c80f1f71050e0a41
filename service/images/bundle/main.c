/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bothy-bundle: reads what an archive of an image says: index, manifest, configuration. It is started as
 * bothy-unpack is, which has unpacked the archive, and speaks the same; see protocol.h. It is a program of
 * its own, for JSON takes libraries that nobody else waits for.
 */
#include "bundle.h"

#include "images/unpack/confine.h"
#include "images/json/error.h"
#include "images/unpack/job.h"
#include "images/unpack/receive.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

static gboolean
receive (struct job *job)
{
  return receive_request (job) &&
         (job->request.mode == UNPACK_BUNDLE ||
          job_fail (job, UNPACK_IO, EPROTO, "The request makes no sense to this version"));
}

/* What the image has, and the layers' files beside it. */
_Noreturn static void
send_bundle (struct job *job, const Bundle *bundle)
{
  struct unpack_message message = { .version = UNPACK_PROTOCOL_VERSION,
                                    .type = UNPACK_RESULT,
                                    .n_layers = bundle->fds->len,
                                    .text_size = bundle->text->len };
  struct iovec parts[2] = { { &message, sizeof message }, { bundle->text->data, bundle->text->len } };
  gsize size = bundle->fds->len * sizeof (int);
  g_autofree guint8 *control = g_malloc0 (CMSG_SPACE (size));
  struct msghdr packet = {
    .msg_iov = parts, .msg_iovlen = 2, .msg_control = control, .msg_controllen = CMSG_SPACE (size)
  };
  struct cmsghdr *header = CMSG_FIRSTHDR (&packet);

  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN (size);
  memcpy (CMSG_DATA (header), bundle->fds->data, size);
  pthread_mutex_lock (&job->lock); /* never unlocked: there is one result */
  _exit (sendmsg (job->connection, &packet, MSG_NOSIGNAL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

int
main (void)
{
  static struct job job = JOB_INIT;
  g_autoptr (GError) error = NULL;
  struct utsname name;
  Bundle bundle = { 0 };

  job.connection = UNPACK_CONNECTION_FD;
  uname (&name);
  if (receive (&job) && confine (&job, UNPACK_TREE_FD) && job_watch (&job)) {
    if (!bundle_read (UNPACK_TREE_FD, name.machine, &bundle, &error))
      job_fail (
          &job, UNPACK_BAD_ARCHIVE, 0,
          "%s. (Archives of images are what \"skopeo copy ... oci-archive:FILE\" and \"docker save\" write)",
          error->message);
    else if (bundle.text->len > UNPACK_MAX_TEXT || bundle.fds->len > UNPACK_MAX_LAYERS)
      job_fail (&job, UNPACK_BAD_ARCHIVE, 0, "The image's configuration is too large");
    else
      send_bundle (&job, &bundle);
  }
  job_finish (&job, NULL, 0);
}
