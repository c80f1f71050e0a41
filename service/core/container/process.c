/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/process.h"

#include "base/error.h"
#include "base/fd.h"
#include "core/container/defaults.h"

#include <signal.h>

G_DEFINE_FINAL_TYPE (BothyProcess, bothy_process, G_TYPE_OBJECT)

static guint exited_signal;

void
bothy_process_spec_free (BothyProcessSpec *spec)
{
  g_strfreev (spec->argv);
  g_strfreev (spec->environment);
  g_free (spec->user);
  g_free (spec->working_directory);
  g_clear_object (&spec->stdio);
  g_free (spec);
}

static void
set_ended (BothyProcess *self, int code, int signal)
{
  if (self->ended)
    return;
  self->ended = TRUE;
  self->code = code;
  self->signal = signal;
  g_signal_emit (self, exited_signal, 0);
}

static void
on_exec_exited (BothySupervisor *supervisor, const struct supervisor_message *message, gpointer user_data)
{
  BothyProcess *self = user_data;

  if (message->id == self->id)
    set_ended (self, message->code, message->signal);
}

/* Whatever ran in it was killed along with the container. */
static void
on_container_ended (BothyContainer *container, gpointer user_data)
{
  set_ended (user_data, 0, SIGKILL);
}

static void
follow (BothyProcess *self)
{
  g_signal_connect_object (self->container->supervisor, "exec-exited", G_CALLBACK (on_exec_exited), self, 0);
  g_signal_connect_object (self->container, "ended", G_CALLBACK (on_container_ended), self, 0);
}

static void
on_run (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (BothyProcess) self = g_object_ref (g_task_get_task_data (task));
  struct supervisor_message reply;
  GError *error = NULL;

  if (self->tty)
    self->pty_fd = bothy_supervisor_call_finish_fd (BOTHY_SUPERVISOR (source), result,
                                                    BOTHY_SUPERVISOR_TERMINAL, &reply, &error);
  else
    bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, &reply, &error);
  if (error) {
    set_ended (self, 127, 0);
    bothy_defaults_explain_user (&error, self->run_as, NULL, self->user);
    bothy_defaults_explain_program (&error, self->argv[0]);
    g_prefix_error (&error, "Container %s: ", self->container->spec->name);
    g_task_return_error (task, error);
    return;
  }
  self->pid = bothy_container_check_pid (self->container, reply.pid);
  self->pts = reply.value;
  g_task_return_pointer (task, g_steal_pointer (&self), g_object_unref);
}

static void
send_exec (GTask *task, BothyProcess *self, const BothyProcessSpec *spec)
{
  struct supervisor_message message = { .type = SUPERVISOR_EXEC, .id = self->id };
  g_autoptr (GByteArray) text = g_byte_array_new ();

  if (spec->tty)
    message.flags |= SUPERVISOR_FLAG_TTY;
  message.value = (gint32)((guint32)spec->rows << 16 | spec->columns);
  if (spec->login)
    message.flags |= SUPERVISOR_FLAG_LOGIN;
  bothy_supervisor_add_text (text, spec->user);
  bothy_supervisor_add_text (text, spec->working_directory);
  bothy_supervisor_add_texts (text, (const char *const *)spec->argv, &message.n_argv);
  bothy_supervisor_add_texts (text, (const char *const *)spec->environment, &message.n_env);
  bothy_supervisor_call (self->container->supervisor, message, text, spec->stdio, on_run, task);
}

void
bothy_process_run (BothyContainer *container,
                   guint32 id,
                   guint32 user,
                   BothyProcessSpec *spec,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  g_autoptr (BothyProcessSpec) owned = spec;
  GTask *task = g_task_new (NULL, NULL, callback, user_data);
  BothyProcess *self = g_object_new (BOTHY_TYPE_PROCESS, NULL);

  self->id = id;
  self->user = user;
  self->argv = g_strdupv (owned->argv);
  self->run_as = g_strdup (owned->user);
  self->tty = owned->tty;
  self->container = g_object_ref (container);
  g_task_set_task_data (task, self, g_object_unref);
  follow (self);
  send_exec (task, self, owned);
}

BothyProcess *
bothy_process_run_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

BothyProcess *
bothy_process_new_adopted (BothyContainer *container, guint32 id, guint32 user, guint32 pid)
{
  BothyProcess *self = g_object_new (BOTHY_TYPE_PROCESS, NULL);

  self->id = id;
  self->user = user;
  self->pid = pid;
  self->argv = g_new0 (char *, 1);
  self->container = g_object_ref (container);
  follow (self);
  return self;
}

static void
on_killed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
bothy_process_kill (BothyProcess *self, int signal, GAsyncReadyCallback callback, gpointer user_data)
{
  struct supervisor_message message = { .type = SUPERVISOR_SIGNAL, .id = self->id, .value = signal };
  GTask *task = g_task_new (self, NULL, callback, user_data);

  if (self->ended || !self->container->supervisor) {
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE, "The process has ended");
    g_object_unref (task);
    return;
  }
  bothy_supervisor_call (self->container->supervisor, message, NULL, NULL, on_killed, task);
}

static void
on_put_an_end_to (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyProcess) self = user_data;
  g_autoptr (GError) error = NULL;

  /* It may have ended by itself, or the container did. */
  if (!bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, &error))
    g_debug ("Ending a process: %s", error->message);
}

void
bothy_process_end (BothyProcess *self)
{
  struct supervisor_message message = {
    .type = SUPERVISOR_SIGNAL, .id = self->id, .value = SIGKILL, .flags = SUPERVISOR_FLAG_GROUP
  };

  if (!self->ended && self->container->supervisor)
    bothy_supervisor_call (self->container->supervisor, message, NULL, NULL, on_put_an_end_to,
                           g_object_ref (self));
}

gboolean
bothy_process_kill_finish (BothyProcess *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
bothy_process_finalize (GObject *object)
{
  BothyProcess *self = BOTHY_PROCESS (object);

  bothy_clear_fd (&self->pty_fd);
  g_strfreev (self->argv);
  g_free (self->run_as);
  g_object_unref (self->container);
  G_OBJECT_CLASS (bothy_process_parent_class)->finalize (object);
}

static void
bothy_process_class_init (BothyProcessClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_process_finalize;
  exited_signal =
      g_signal_new ("exited", BOTHY_TYPE_PROCESS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bothy_process_init (BothyProcess *self)
{
  self->pty_fd = -1;
}
