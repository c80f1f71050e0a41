/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/arguments.h"

#include "base/error.h"
#include "platform/untrusted-fd.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct _BothyArguments {
  GDBusMessage *message; /* which closes the file descriptors when it goes, see the router */
  GVariant *values;      /* a tuple */
  GUnixFDList *fds;      /* never NULL */
  guint32 user;
};

BothyArguments *
bothy_arguments_new (GDBusMessage *message, guint32 user)
{
  BothyArguments *self = g_new0 (BothyArguments, 1);
  GVariant *body = g_dbus_message_get_body (message);
  GUnixFDList *fds = g_dbus_message_get_unix_fd_list (message);

  self->message = g_object_ref (message);
  self->values = body ? g_variant_ref (body) : g_variant_ref_sink (g_variant_new ("()"));
  self->fds = fds ? g_object_ref (fds) : g_unix_fd_list_new ();
  self->user = user;
  return self;
}

void
bothy_arguments_free (BothyArguments *self)
{
  g_object_unref (self->fds);
  g_variant_unref (self->values);
  g_object_unref (self->message);
  g_free (self);
}

gboolean
bothy_arguments_check_signature (BothyArguments *self,
                                 const char *member,
                                 const char *signature,
                                 GError **error)
{
  if (!g_variant_is_of_type (self->values, G_VARIANT_TYPE (signature))) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "%s takes %s, not %s", member, signature,
                 g_variant_get_type_string (self->values));
    return FALSE;
  }
  /* Handles may also be inside of options. */
  if (g_unix_fd_list_get_length (self->fds) == 0 || strchr (signature, 'h') || strstr (signature, "a{sv}"))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "%s takes no file descriptors", member);
  return FALSE;
}

void
bothy_arguments_get (BothyArguments *self, const char *format, ...)
{
  va_list targets;

  va_start (targets, format);
  g_variant_get_va (self->values, format, NULL, &targets);
  va_end (targets);
}

guint32
bothy_arguments_get_user (BothyArguments *self)
{
  return self->user;
}

int
bothy_arguments_peek_fd (BothyArguments *self, gint32 handle, GError **error)
{
  int n;
  const int *fds = g_unix_fd_list_peek_fds (self->fds, &n);

  if (handle >= 0 && handle < n)
    return fds[handle];
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "There is no file descriptor %d in this message",
               handle);
  return -1;
}

int
bothy_arguments_dup_fd (BothyArguments *self, gint32 handle, GError **error)
{
  int fd = bothy_arguments_peek_fd (self, handle, error);

  return fd >= 0 ? bothy_untrusted_fd_dup (fd, error) : -1;
}

int
bothy_arguments_dup_stream (
    BothyArguments *self, gint32 handle, gboolean writes, const char *name, GError **error)
{
  int fd = bothy_arguments_peek_fd (self, handle, error);
  int flags = fd >= 0 ? fcntl (fd, F_GETFL) : -1;
  guint64 size;
  mode_t mode;

  if (fd < 0)
    return -1;
  if (flags >= 0 && !(flags & O_PATH) && (flags & O_ACCMODE) != (writes ? O_RDONLY : O_WRONLY) &&
      bothy_untrusted_fd_stat (fd, &mode, &size) && (S_ISREG (mode) || S_ISFIFO (mode) || S_ISSOCK (mode)))
    return bothy_arguments_dup_fd (self, handle, error);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               writes ? "%s: a file, pipe or socket that is open for writing is wanted"
                      : "%s: a file, pipe or socket that is open for reading is wanted",
               name);
  return -1;
}

/* A program can do nothing with an fd that only names a file. */
static gboolean
check_stdio_fd (int fd, GError **error)
{
  int flags = fcntl (fd, F_GETFL);

  if (flags >= 0 && !(flags & O_PATH))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "An fd opened with O_PATH can not be standard input, output or error");
  return FALSE;
}

gboolean
bothy_arguments_dup_stdio (BothyArguments *self, GVariant *handles, GUnixFDList **ret_stdio, GError **error)
{
  gsize n = g_variant_n_children (handles);
  g_autoptr (GUnixFDList) stdio = bothy_untrusted_fds_new ();

  *ret_stdio = NULL;
  if (n != 0 && n != 3) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "stdio: three file descriptors, or none");
    return FALSE;
  }
  for (gsize i = 0; i < n; i++) {
    gint32 handle;
    int fd;

    g_variant_get_child (handles, i, "h", &handle);
    fd = bothy_arguments_peek_fd (self, handle, error);
    if (fd < 0 || !check_stdio_fd (fd, error) || bothy_untrusted_fds_append (stdio, fd, error) < 0)
      return FALSE;
  }
  *ret_stdio = n > 0 ? g_steal_pointer (&stdio) : NULL;
  return TRUE;
}

static gpointer
parse_number (BothyArguments *arguments, GError **error)
{
  guint32 *number = g_new0 (guint32, 1);

  bothy_arguments_get (arguments, "(u)", number);
  return number;
}

const BothyRequestType bothy_request_number = { parse_number, g_free };

static gpointer
parse_text (BothyArguments *arguments, GError **error)
{
  char *text;

  bothy_arguments_get (arguments, "(s)", &text);
  return text;
}

const BothyRequestType bothy_request_text = { parse_text, g_free };
