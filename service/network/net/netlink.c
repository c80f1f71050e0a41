/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netlink.h"

#include <errno.h>
#include <stdbool.h>

#define BUFFER_SIZE 65536

struct answer {
  netlink_reader reader;
  void *data;
  int error;
  bool ended;
};

void
netlink_free_message (struct nl_msg **message)
{
  if (*message != NULL)
    nlmsg_free (*message);
}

void
netlink_free_socket (struct nl_sock **socket)
{
  if (*socket != NULL)
    nl_socket_free (*socket);
}

struct nl_sock *
netlink_open (int protocol)
{
  struct nl_sock *socket = nl_socket_alloc ();

  if (socket == NULL) {
    errno = ENOMEM;
    return NULL;
  }
  if (nl_connect (socket, protocol) < 0) {
    nl_socket_free (socket);
    errno = EPROTONOSUPPORT;
    return NULL;
  }
  nl_socket_disable_auto_ack (socket);
  nl_socket_set_msg_buf_size (socket, BUFFER_SIZE);
  return socket;
}

/* The library has error codes of its own and loses some of the kernel's. */
static int
take_error (struct sockaddr_nl *address, struct nlmsgerr *error, void *data)
{
  struct answer *answer = data;

  answer->error = -error->error;
  answer->ended = true;
  return NL_STOP;
}

static int
take_end (struct nl_msg *message, void *data)
{
  struct answer *answer = data;

  answer->ended = true;
  return NL_STOP;
}

static int
take_message (struct nl_msg *message, void *data)
{
  struct answer *answer = data;
  int result = answer->reader == NULL ? 0 : answer->reader (nlmsg_hdr (message), answer->data);

  if (answer->error == 0)
    answer->error = result;
  return NL_OK;
}

static void
free_callbacks (struct nl_cb **callbacks)
{
  if (*callbacks != NULL)
    nl_cb_put (*callbacks);
}

/* Each message that is sent asks for an acknowledgement or is a dump, so there is an end to wait for. */
static int
talk (struct nl_sock *socket, struct nl_msg *message, struct answer *answer)
{
  struct nl_cb *callbacks __attribute__ ((cleanup (free_callbacks))) = nl_cb_alloc (NL_CB_DEFAULT);
  int result;

  if (callbacks == NULL)
    return ENOMEM;
  nl_cb_set (callbacks, NL_CB_VALID, NL_CB_CUSTOM, take_message, answer);
  nl_cb_set (callbacks, NL_CB_ACK, NL_CB_CUSTOM, take_end, answer);
  nl_cb_set (callbacks, NL_CB_FINISH, NL_CB_CUSTOM, take_end, answer);
  nl_cb_err (callbacks, NL_CB_CUSTOM, take_error, answer);
  if (nl_send_auto (socket, message) < 0)
    return EIO;
  do
    result = nl_recvmsgs (socket, callbacks);
  while (result >= 0 && !answer->ended);
  if (answer->error != 0)
    return answer->error;
  return result < 0 ? EIO : 0;
}

int
netlink_order (struct nl_sock *socket, struct nl_msg *message)
{
  struct answer answer = { 0 };

  nlmsg_hdr (message)->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
  return talk (socket, message, &answer);
}

int
netlink_ask (struct nl_sock *socket, struct nl_msg *message, netlink_reader reader, void *data)
{
  struct answer answer = { .reader = reader, .data = data };
  struct nlmsghdr *header = nlmsg_hdr (message);

  header->nlmsg_flags |= NLM_F_REQUEST;
  if ((header->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
    header->nlmsg_flags |= NLM_F_ACK;
  return talk (socket, message, &answer);
}
