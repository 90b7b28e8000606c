package haproxysock

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Types of rows.
const (
	Frontend = 0
	Backend  = 1
	Server   = 2
)

// Row is one line of "show stat": what Stoker reads of it. Times are in
// milliseconds, averages over the last requests.
type Row struct {
	Proxy, Server string
	Type          int
	Status        string // UP, DOWN, MAINT, no check, ... with what follows: "UP 1/3"
	Address       string // ip:port of a server
	Algorithm     string // of a backend
	Mode          string
	Weight        int // as set, before warming up

	Current, Queued int64
	Sessions        int64 // begun
	Answers5xx      int64
	ConnectErrors   int64
	ServerAborts    int64
	ResponseErrors  int64
	Retries         int64
	Redispatches    int64
	TotalTime       float64

	CheckStatus string // L7OK, L4CON, ...
	CheckCode   int
	CheckText   string
}

// Is tells whether the row's status begins with this word.
func (r Row) Is(status string) bool {
	rest, ok := strings.CutPrefix(r.Status, status)
	return ok && (rest == "" || rest[0] == ' ')
}

// ParseStats reads the answer of "show stat".
func ParseStats(text string) ([]Row, error) {
	text, ok := strings.CutPrefix(strings.TrimLeft(text, "\r\n"), "# ")
	if !ok {
		return nil, fmt.Errorf("read HAProxy's statistics: %.40q is no table", text)
	}
	r := csv.NewReader(strings.NewReader(text))
	r.LazyQuotes, r.ReuseRecord = true, true // a row that breaks off is an error
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("read HAProxy's statistics: %w", err)
	}
	at := columns(head)
	var rows []Row
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read HAProxy's statistics: %w", err)
		}
		rows = append(rows, row(record{at, fields}))
	}
}

func columns(head []string) map[string]int {
	at := make(map[string]int, len(head))
	for i, name := range head {
		at[strings.Clone(name)] = i
	}
	return at
}

func row(r record) Row {
	text := r.text("last_chk")
	if text == "" {
		text = r.text("check_desc")
	}
	return Row{
		Proxy: r.text("pxname"), Server: r.text("svname"), Type: int(r.number("type")),
		Status: r.text("status"), Address: r.text("addr"), Algorithm: r.text("algo"), Mode: r.text("mode"),
		Weight:  int(r.number("uweight")),
		Current: r.number("scur"), Queued: r.number("qcur"), Sessions: r.number("stot"),
		Answers5xx: r.number("hrsp_5xx"), ConnectErrors: r.number("econ"), ServerAborts: r.number("srv_abrt"),
		ResponseErrors: r.number("eresp"), Retries: r.number("wretr"), Redispatches: r.number("wredis"),
		TotalTime:   float64(r.number("ttime")),
		CheckStatus: strings.TrimPrefix(r.text("check_status"), "* "), CheckCode: int(r.number("check_code")), CheckText: text,
	}
}

// record is one line of a table with a header.
type record struct {
	at     map[string]int
	fields []string
}

func (r record) text(name string) string {
	i, ok := r.at[name]
	if !ok || i >= len(r.fields) {
		return ""
	}
	return strings.Clone(r.fields[i]) // the record's memory is used again
}

// number is 0 for what is empty, negative or none.
func (r record) number(name string) int64 {
	i, ok := r.at[name]
	if !ok || i >= len(r.fields) {
		return 0
	}
	n, err := strconv.ParseInt(r.fields[i], 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
