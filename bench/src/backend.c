/* The target of every benchmark: an epoll HTTP/1.1 server, one thread, keep-alive, pipelining.
 *
 *   backend ADDRESS:PORT...        all answer alike
 *
 * /1m answers 1 MiB, any other path 1 KiB. Request bodies with a Content-Length are read and dropped.
 * Cheap on purpose: the proxy in front of it should be the one that is busy.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SMALL 1024
#define LARGE (1024 * 1024)
#define INPUT 16384

struct answer {
	char *bytes;
	size_t length;
};

struct connection {
	int fd;
	int listening;
	int writable_wanted;
	size_t held;              /* bytes of input not yet understood */
	size_t body;              /* bytes of a request body still to drop */
	const struct answer *out; /* the answer being written, if any */
	size_t sent;
	char input[INPUT + 1];
};

static struct answer small, large;
static int poller;

static struct answer make_answer(size_t body)
{
	struct answer answer;
	char head[256];
	int length = snprintf(head, sizeof(head),
	                      "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %zu\r\n\r\n", body);
	answer.length = length + body;
	answer.bytes = malloc(answer.length);
	memcpy(answer.bytes, head, length);
	memset(answer.bytes + length, 'x', body);
	return answer;
}

static void watch(struct connection *c, int operation, unsigned events)
{
	struct epoll_event event = {.events = events, .data.ptr = c};
	epoll_ctl(poller, operation, c->fd, &event);
}

static void finish(struct connection *c)
{
	close(c->fd);
	free(c);
}

static void add(int fd, int listening)
{
	struct connection *c = calloc(1, sizeof(*c));
	c->fd = fd;
	c->listening = listening;
	watch(c, EPOLL_CTL_ADD, EPOLLIN);
}

/* Writes what is left of the answer. 1: all written, 0: the socket is full, -1: the peer is gone. */
static int write_answer(struct connection *c)
{
	while (c->out) {
		ssize_t n = send(c->fd, c->out->bytes + c->sent, c->out->length - c->sent, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		c->sent += n;
		if (c->sent == c->out->length)
			c->out = NULL;
	}
	return 1;
}

/* Takes one request off the input and begins its answer. 0: the request is not complete. */
static int take_request(struct connection *c)
{
	char *end, *length;
	size_t size;

	if (c->body) {
		size = c->held < c->body ? c->held : c->body;
		c->body -= size;
		c->held -= size;
		memmove(c->input, c->input + size, c->held);
		if (c->body)
			return 0;
	}
	c->input[c->held] = 0;
	end = strstr(c->input, "\r\n\r\n");
	if (!end)
		return 0;
	end[2] = 0;
	length = strcasestr(c->input, "\r\ncontent-length:");
	c->body = length ? strtoul(length + 17, NULL, 10) : 0;
	c->out = strstr(c->input, " /1m ") ? &large : &small;
	c->sent = 0;
	size = end + 4 - c->input;
	c->held -= size;
	memmove(c->input, c->input + size, c->held);
	return 1;
}

/* Answers all that can be answered now. -1: the connection is over. */
static int answer_requests(struct connection *c)
{
	int done;

	for (;;) {
		done = write_answer(c);
		if (done < 0)
			return -1;
		if (!done) {
			if (!c->writable_wanted)
				watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
			c->writable_wanted = 1;
			return 0;
		}
		if (!take_request(c))
			break;
	}
	if (c->writable_wanted)
		watch(c, EPOLL_CTL_MOD, EPOLLIN);
	c->writable_wanted = 0;
	return 0;
}

static int read_input(struct connection *c)
{
	ssize_t n;

	if (c->held == INPUT)
		return c->out ? 0 : -1;
	n = recv(c->fd, c->input + c->held, INPUT - c->held, 0);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		return -1;
	if (n > 0)
		c->held += n;
	return 0;
}

static void accept_all(struct connection *listener)
{
	int one = 1, fd;

	while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		add(fd, 0);
	}
}

static void listen_on(char *where)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	char *colon = strchr(where, ':');

	if (!colon)
		exit(2);
	*colon = 0;
	if (!inet_pton(AF_INET, where, &address.sin_addr))
		exit(2);
	address.sin_port = htons(atoi(colon + 1));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 4096)) {
		perror("backend: bind");
		exit(1);
	}
	add(fd, 1);
}

int main(int argc, char **argv)
{
	struct epoll_event events[256];

	signal(SIGPIPE, SIG_IGN);
	small = make_answer(SMALL);
	large = make_answer(LARGE);
	poller = epoll_create1(0);
	for (int i = 1; i < argc; i++)
		listen_on(argv[i]);
	for (;;) {
		int n = epoll_wait(poller, events, 256, -1);
		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;
			if (c->listening)
				accept_all(c);
			else if (((events[i].events & ~EPOLLOUT) && read_input(c)) || answer_requests(c))
				finish(c);
		}
	}
}
