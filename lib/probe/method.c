/* The table of methods. */
#include <stddef.h>
#include "probe/method.h"

static const struct pool_method_work works[POOL_METHODS] = {
	[POOL_METHOD_TCP] =
		{
			.row = {"tcp", "connect to the proxy", POOL_LAYER_CONNECT},
			.latency = CURLINFO_CONNECT_TIME_T,
			.set = pool_transfer_set_tcp,
		},
	[POOL_METHOD_HTTP] =
		{
			.row = {"http",
				"fetch a URL through the proxy, judge status and body",
				POOL_LAYER_TARGET},
			.latency = CURLINFO_STARTTRANSFER_TIME_T,
			.set = pool_transfer_set_http,
			.judge = pool_transfer_judge_answer,
		},
	[POOL_METHOD_PING] =
		{
			.row = {"ping", "send an ICMP echo to the proxy's host",
				POOL_LAYER_RESOLVE},
			.latency = CURLINFO_TOTAL_TIME_T,
			.set = pool_transfer_set_ping,
			.echo = true,
		},
	[POOL_METHOD_TUNNEL] =
		{
			.row = {"tunnel",
				"open a tunnel through the proxy to a URL's host and "
				"port",
				POOL_LAYER_AUTH},
			.latency = CURLINFO_TOTAL_TIME_T,
			.set = pool_transfer_set_tunnel,
		},
	[POOL_METHOD_WEBSOCKET] =
		{
			.row = {"websocket",
				"upgrade to websocket through the proxy, to a 101",
				POOL_LAYER_TARGET},
			.latency = CURLINFO_STARTTRANSFER_TIME_T,
			.set = pool_transfer_set_websocket,
			.judge = pool_transfer_judge_upgrade,
		},
};

const struct pool_method_work *pool_method_work_get(enum pool_method method)
{
	return (unsigned)method < POOL_METHODS ? &works[method] : NULL;
}

const struct pool_method_row *pool_method_get(enum pool_method method)
{
	return &works[(unsigned)method < POOL_METHODS ? method : POOL_METHOD_TCP].row;
}
