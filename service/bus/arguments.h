/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

G_BEGIN_DECLS

/*
 * What a method call was sent with: a tuple of values, and file descriptors that its handles number. Only the
 * parser of the call's row in the door's table gets to see it, once; then it is freed. What the parser made of it,
 * the request, is what polkit is told about and what is done.
 */
typedef struct _BothyArguments BothyArguments;

/* The body and the file descriptors of MESSAGE. USER is the uid of who sent it, for arguments that mean him when
   they are left out. (transfer full) */
BothyArguments *bothy_arguments_new (GDBusMessage *message, guint32 user);

/* Free them; what was peeked at is closed. */
void bothy_arguments_free (BothyArguments *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyArguments, bothy_arguments_free)

/* Whether the values have the type SIGNATURE, a tuple such as "(sa{sv})", and whether there are file descriptors
   only if a handle may be among them. FALSE with INVALID_ARGS, which begins with MEMBER, the method's name. */
gboolean bothy_arguments_check_signature (BothyArguments *self,
                                          const char *member,
                                          const char *signature,
                                          GError **error);

/* Take the values apart as g_variant_get() does; FORMAT is the whole tuple. What it points to with "&" is not
   there any more when the arguments are freed. */
void bothy_arguments_get (BothyArguments *self, const char *format, ...);

/* The uid of who sent them. */
guint32 bothy_arguments_get_user (BothyArguments *self);

/* The file descriptor that HANDLE numbers, which stays the arguments'. -1 with INVALID_ARGS: there is none. */
int bothy_arguments_peek_fd (BothyArguments *self, gint32 handle, GError **error);

/* A duplicate of it, the caller's, to be closed with bothy_untrusted_fd_close(). -1 with INVALID_ARGS, or with
   LIMITS_EXCEEDED when no more can be open. */
int bothy_arguments_dup_fd (BothyArguments *self, gint32 handle, GError **error);

/* The same of something that is read, or with WRITES written, from front to back: a file, a pipe or a socket that is open
   for that. NAME is the argument's, for the error. */
int bothy_arguments_dup_stream (
    BothyArguments *self, gint32 handle, gboolean writes, const char *name, GError **error);

/* Duplicates of what HANDLES (ah) numbers: no file descriptor (then RET_STDIO is NULL) or the three that a program
   has for standard input, output and error. (RET_STDIO: transfer full) FALSE with INVALID_ARGS, or with an
   error of GIO's when no more can be open. */
gboolean
bothy_arguments_dup_stdio (BothyArguments *self, GVariant *handles, GUnixFDList **ret_stdio, GError **error);

/* How the arguments of a method become the request that its call carries, and how that is freed. */
typedef struct {
  /* NULL with ERROR. (transfer full) */
  gpointer (*parse) (BothyArguments *arguments, GError **error);
  GDestroyNotify free;
} BothyRequestType;

/* Of methods that take one number (u) or one text (s), whatever it is: a guint32 *, a char *. */
extern const BothyRequestType bothy_request_number, bothy_request_text;

G_END_DECLS
