package hot

import (
	"net"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/stoker-project/stoker/internal/python"
	values "github.com/stoker-project/stoker/internal/value"
)

// checkCustom checks the constraints of Heat's registry that ask nothing of the
// world. All others (neutron.subnet, ...) are for those who know that world (Lookup); they
// accept everything here.
func checkCustom(name string, v any) error {
	check := generic(name)
	if check == nil {
		return nil
	}
	s, ok := v.(string)
	if !ok && v != nil {
		s = pyStr(v)
	}
	if problem := check(s); problem != "" {
		return valueErr("%s", problem)
	}
	return nil
}

// generic gives the check of a constraint: it answers with what is wrong.
func generic(name string) func(string) string {
	switch name {
	case "ip_addr":
		return func(s string) string { return unless(isIP(s), "Invalid IP address", s) }
	case "net_cidr":
		return func(s string) string { return unless(isCIDR(s), "Invalid net cidr", s) }
	case "ip_or_cidr":
		return func(s string) string { return unless(isIP(s) || isCIDR(s), "Invalid IP or CIDR", s) }
	case "mac_addr":
		return func(s string) string {
			hw, err := net.ParseMAC(s)
			return unless(err == nil && len(hw) == 6, "Invalid MAC address", s)
		}
	case "json_string":
		return func(s string) string {
			_, err := values.Decode([]byte(s))
			return unless(err == nil, "JSON string is invalid", s)
		}
	case "iso_8601", "expiration":
		return func(s string) string { return unless(isTime(s), "Invalid ISO 8601 time", s) }
	case "timezone":
		return func(s string) string {
			_, err := time.LoadLocation(s)
			return unless(s != "" && err == nil, "Invalid timezone", s)
		}
	case "cron_expression":
		return func(s string) string { return unless(isCron(s), "Invalid CRON expression", s) }
	case "dns_name":
		return func(s string) string { return unless(isDNSName(strings.TrimSuffix(s, ".")), "Invalid DNS name", s) }
	case "rel_dns_name":
		return func(s string) string { return unless(isDNSName(s), "Invalid relative DNS name", s) }
	case "dns_domain":
		return func(s string) string {
			return unless(strings.HasSuffix(s, ".") && isDNSName(strings.TrimSuffix(s, ".")), "Invalid DNS domain (it must end with a dot)", s)
		}
	}
	return nil
}

func unless(ok bool, problem, s string) string {
	if ok {
		return ""
	}
	return problem + ": " + python.Quote(s)
}

func isIP(s string) bool { _, err := netip.ParseAddr(s); return err == nil }

func isCIDR(s string) bool { _, err := netip.ParsePrefix(s); return err == nil }

func isTime(s string) bool {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

func isCron(s string) bool {
	fields := strings.Fields(s)
	if len(fields) != 5 && len(fields) != 6 {
		return false
	}
	field := regexp.MustCompile(`^[0-9A-Za-z*/,#?-]+$`)
	for _, f := range fields {
		if !field.MatchString(f) {
			return false
		}
	}
	return true
}

func isDNSName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	label := regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)
	for _, l := range strings.Split(s, ".") {
		if !label.MatchString(l) {
			return false
		}
	}
	return true
}
