package octavia

import (
	"strconv"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
)

// queueTimeout is how long a request waits while no member is up.
const queueTimeout = 5 * time.Second

// Protocol gives a listener's protocol of ours for Octavia's word. Errors: Invalid.
func Protocol(word string) (stoker.Protocol, error) {
	switch word {
	case "HTTP":
		return stoker.ProtocolHTTP, nil
	case "TERMINATED_HTTPS":
		return stoker.ProtocolHTTPS, nil
	case "TCP", "HTTPS":
		return stoker.ProtocolTCP, nil
	}
	return "", stoker.Errorf(stoker.Invalid, "protocol %s is not balanced here", word)
}

// Algorithm gives the algorithm of ours for Octavia's word. Errors: Invalid.
func Algorithm(word string) (stoker.Algorithm, error) {
	switch word {
	case "ROUND_ROBIN":
		return stoker.RoundRobin, nil
	case "LEAST_CONNECTIONS":
		return stoker.LeastConn, nil
	}
	return "", stoker.Errorf(stoker.Invalid, "algorithm %s is not offered here", word)
}

// Codes reads statuses such as 200, 200,202 and 200-204. Errors: Invalid.
func Codes(text string) ([]int, error) {
	var out []int
	for part := range strings.SplitSeq(text, ",") {
		first, last, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			last = first
		}
		low, err1 := strconv.Atoi(strings.TrimSpace(first))
		high, err2 := strconv.Atoi(strings.TrimSpace(last))
		if err1 != nil || err2 != nil || low < 100 || high > 599 || low > high {
			return nil, stoker.Errorf(stoker.Invalid, "%q is no list of statuses, like 200, 200,202 or 200-204", text)
		}
		for n := low; n <= high; n++ {
			out = append(out, n)
		}
	}
	return out, nil
}
