/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdint.h>

/* Talking netlink: one question or order at a time. Errors are errno values. */

/* For the cleanup attribute: frees *MESSAGE unless it is NULL. */
void netlink_free_message (struct nl_msg **message);

/* The same for a socket. */
void netlink_free_socket (struct nl_sock **socket);

#define AUTO_MESSAGE __attribute__ ((cleanup (netlink_free_message))) struct nl_msg *

/* A socket of PROTOCOL (NETLINK_ROUTE or such), or NULL with errno set. */
struct nl_sock *netlink_open (int protocol);

/* Sends MESSAGE and waits until the kernel says that it is done. Returns 0 or an errno value. */
int netlink_order (struct nl_sock *socket, struct nl_msg *message);

/* Called for each message of an answer; what is not 0 becomes the result of netlink_ask(). */
typedef int (*netlink_reader) (const struct nlmsghdr *header, void *data);

/* Sends MESSAGE, a question, and hands the answer to READER. Returns 0 or an errno value. */
int netlink_ask (struct nl_sock *socket, struct nl_msg *message, netlink_reader reader, void *data);
