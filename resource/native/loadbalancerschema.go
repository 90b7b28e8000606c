package native

import (
	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/schema"
)

func loadBalancerSchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "Spreads requests over its members (Stoker::PoolMember). Everything can be changed in place. get_resource gives the pool for members and signals.",
		Properties: map[string]*stoker.Property{
			"name": {Type: stoker.TypeString, Update: true, Description: "A name for people; by default stack/resource."},
			"listeners": {Type: stoker.TypeList, Update: true, Items: listenerItem(),
				Default:     []any{map[string]any{"protocol": "http", "address": "127.0.0.1", "port": int64(0)}},
				Description: "Where clients connect. By default one, for HTTP on 127.0.0.1, on a free port."},
			"algorithm": {Type: stoker.TypeString, Default: string(stoker.RoundRobin), Update: true,
				Constraints: schema.OneOf(string(stoker.RoundRobin), string(stoker.LeastConn)),
				Description: "Which member takes a request: the next in turn (roundrobin), or the one with the fewest in flight (leastconn)."},
			"health_check": {Type: stoker.TypeMap, Update: true, Fields: healthFields(),
				Description: "How members are asked whether they can take requests. By default a connection each second."},
			"sticky_cookie": {Type: stoker.TypeString, Update: true,
				Description: "The name of a cookie that keeps a client with its member; none by default."},
			"retries": {Type: stoker.TypeInteger, Default: int64(2), Update: true, Constraints: schema.Between(0, 10),
				Description: "How often a request that may be repeated is tried on another member when connecting fails."},
			"connect_timeout":  schema.Duration("How long connecting to a member may take.", "2s"),
			"response_timeout": schema.Duration("How long the beginning of an answer may take; 0 for no bound.", "0s"),
			"queue_timeout":    schema.Duration("How long a request waits while no member is up, before it is answered with 503.", "5s"),
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"url":       {Type: stoker.TypeString, Description: "The address for browsers, of the first HTTP or HTTPS listener; empty if there is none."},
			"urls":      {Type: stoker.TypeList, Description: "The addresses for browsers, of all HTTP and HTTPS listeners."},
			"address":   {Type: stoker.TypeString, Description: "The IP address of the first listener."},
			"port":      {Type: stoker.TypeInteger, Description: "The port of the first listener."},
			"addresses": {Type: stoker.TypeList, Description: "host:port of each listener."},
		}),
	}
}

func listenerItem() *stoker.Property {
	return &stoker.Property{Type: stoker.TypeMap, Description: "A listener.", Fields: map[string]*stoker.Property{
		"protocol": {Type: stoker.TypeString, Default: string(stoker.ProtocolHTTP),
			Constraints: schema.OneOf(string(stoker.ProtocolHTTP), string(stoker.ProtocolHTTPS), string(stoker.ProtocolTCP)),
			Description: "http, https (TLS ends here) or tcp."},
		"address": {Type: stoker.TypeString, Default: "127.0.0.1",
			Description: "The IP address to listen on; 0.0.0.0 for all."},
		"port": {Type: stoker.TypeInteger, Default: int64(0), Constraints: schema.Between(0, 65535),
			Description: "The port; 0 takes a free one and keeps it."},
		"certificate": {Type: stoker.TypeString,
			Description: "With https: the certificate and its chain, PEM; without it one is made."},
		"key": {Type: stoker.TypeString, Secret: true, Description: "With https: the certificate's private key, PEM."},
	}}
}

func healthFields() map[string]*stoker.Property {
	return map[string]*stoker.Property{
		"protocol": {Type: stoker.TypeString, Constraints: schema.OneOf("http", "tcp", "none"),
			Description: "http asks for path, tcp connects, none asks nothing. By default http where a path or status is given, else tcp."},
		"path": {Type: stoker.TypeString, Description: "What is asked for; by default /."},
		"status": {Type: stoker.TypeList, Description: "The statuses that are healthy; by default 200 to 399.",
			Items: &stoker.Property{Type: stoker.TypeInteger, Constraints: schema.Between(100, 599), Description: "A status."}},
		"interval": schema.Duration("The time from one check to the next; quicker while a member has never been up.", "1s"),
		"timeout":  schema.Duration("How long an answer may take.", "1s"),
		"rise": {Type: stoker.TypeInteger, Default: int64(1), Constraints: schema.AtLeast(1),
			Description: "How many good answers bring a member back; the very first counts at once."},
		"fall": {Type: stoker.TypeInteger, Default: int64(3), Constraints: schema.AtLeast(1),
			Description: "How many bad answers take a member out."},
	}
}
