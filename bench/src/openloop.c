/* Open-loop load: requests leave at a fixed rate whatever the answers do, and each latency counts from the moment its
 * request was due, so that a proxy that stalls can't hide it.
 *
 *   openloop ADDRESS PORT RATE SECONDS CONNECTIONS      GET /, HTTP/1.1 keep-alive
 *
 * Prints one JSON object; latencies in microseconds. A request due while all connections are busy waits for the first
 * that is free.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"
#define BUFFER 16384
#define GRACE 2000000 /* microseconds to wait for the last answers */

struct connection {
	int fd;
	double due;
	long missing; /* bytes of the body still to come; -1 while the head isn't complete */
	int held;
	char head[BUFFER + 1];
};

static struct sockaddr_in address = {.sin_family = AF_INET};
static int poller, count, idle_count;
static struct connection *connections;
static int *idle;
static float *latencies;
static long done, failed, sent, total;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int open_connection(struct connection *c)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(c->fd, (struct sockaddr *)&address, sizeof(address)))
		return -1;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	return epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
}

static void rest(struct connection *c)
{
	idle[idle_count++] = c - connections;
}

static void fail(struct connection *c)
{
	failed++;
	close(c->fd);
	if (open_connection(c)) {
		perror("openloop: connect");
		exit(1);
	}
	rest(c);
}

static void launch(double due)
{
	struct connection *c = &connections[idle[--idle_count]];

	c->due = due;
	c->missing = -1;
	c->held = 0;
	sent++;
	if (send(c->fd, REQUEST, sizeof(REQUEST) - 1, MSG_NOSIGNAL) < 0)
		fail(c);
}

static void receive(struct connection *c)
{
	ssize_t n = recv(c->fd, c->head + c->held, BUFFER - c->held, 0);
	char *end, *length;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		fail(c);
		return;
	}
	if (c->missing >= 0) {
		c->missing -= n;
	} else {
		c->held += n;
		c->head[c->held] = 0;
		end = strstr(c->head, "\r\n\r\n");
		length = end ? strcasestr(c->head, "content-length:") : NULL;
		if (!length)
			return;
		c->missing = strtol(length + 15, NULL, 10) - (c->head + c->held - end - 4);
		c->held = 0;
	}
	if (c->missing > 0)
		return;
	if (strncmp(c->head, "HTTP/1.1 200", 12))
		failed++;
	else
		latencies[done++] = now() - c->due;
	rest(c);
}

static int ascending(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return x < y ? -1 : x > y;
}

static double percentile(double p)
{
	long at = p * done;
	return done ? latencies[at < done ? at : done - 1] : 0;
}

int main(int argc, char **argv)
{
	struct epoll_event events[256];
	double rate, start, end;

	if (argc != 6 || !inet_pton(AF_INET, argv[1], &address.sin_addr))
		return 2;
	signal(SIGPIPE, SIG_IGN);
	address.sin_port = htons(atoi(argv[2]));
	rate = atof(argv[3]);
	total = rate * atof(argv[4]);
	count = atoi(argv[5]);
	connections = calloc(count, sizeof(*connections));
	idle = calloc(count, sizeof(*idle));
	latencies = calloc(total, sizeof(*latencies));
	poller = epoll_create1(0);
	for (int i = 0; i < count; i++) {
		if (open_connection(&connections[i])) {
			perror("openloop: connect");
			return 1;
		}
		rest(&connections[i]);
	}
	start = now();
	end = start + total / rate * 1e6 + GRACE;
	while (done + failed < total && now() < end) {
		double due = start + sent / rate * 1e6, wait = due - now();
		struct timespec timeout = {.tv_nsec = 1000000};

		while (sent < total && idle_count && due <= now()) {
			launch(due);
			due = start + sent / rate * 1e6;
			wait = due - now();
		}
		if (sent < total && idle_count && wait < 1000)
			timeout.tv_nsec = wait > 0 ? wait * 1000 : 0;
		int n = epoll_pwait2(poller, events, 256, &timeout, NULL);
		for (int i = 0; i < n; i++)
			receive(events[i].data.ptr);
	}
	qsort(latencies, done, sizeof(*latencies), ascending);
	printf("{\"due\": %ld, \"done\": %ld, \"failed\": %ld, \"p50\": %.0f, \"p99\": %.0f, \"p999\": %.0f, \"max\": %.0f}\n",
	       total, done, total - done, percentile(.5), percentile(.99), percentile(.999), percentile(1));
	return 0;
}
