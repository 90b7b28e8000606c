package native

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/stoker-project/stoker"
)

// servers are those of the caller's project.
func (s *server) servers(ctx context.Context, c *call) ([]stoker.Server, error) {
	if s.Driver == nil {
		return nil, nil
	}
	all, err := s.Driver.List(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(srv stoker.Server) bool { return srv.Project != c.project }), nil
}

// logs gives the output of one server, or of all of a resource or group. With
// several, each line begins with its server's name.
func (s *server) logs(w http.ResponseWriter, c *call) error {
	tail, follow, err := logQuery(c)
	if err != nil {
		return err
	}
	servers, err := s.meant(c.Context(), c, c.PathValue("what"))
	if err != nil {
		return err
	}
	reader, ok := s.Driver.(stoker.LogReader)
	if !ok {
		return stoker.Errorf(stoker.Invalid, "the driver keeps no output of servers")
	}
	var open []*openLog
	defer func() {
		for _, l := range open {
			l.from.Close()
		}
	}()
	for _, srv := range servers {
		from, err := reader.Logs(c.Context(), srv.Token, tail, follow)
		if stoker.IsKind(err, stoker.NotFound) {
			continue // gone meanwhile
		}
		if err != nil {
			return err
		}
		open = append(open, &openLog{srv.Name, from})
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	out := &lines{w: w, flush: http.NewResponseController(w).Flush}
	out.write("") // the header, so that a client need not wait for the first line
	var all sync.WaitGroup
	for _, l := range open {
		prefix := ""
		if len(servers) > 1 {
			prefix = l.server + " | "
		}
		all.Go(func() {
			if err := l.copy(out, prefix); err != nil && c.Context().Err() == nil {
				s.Logger.Warn("read log", "server", l.server, "err", err)
				out.write(prefix + "(the log cannot be read any further)\n")
			}
		})
	}
	all.Wait()
	return nil
}

// openLog is the log of one server while it is read.
type openLog struct {
	server string
	from   io.ReadCloser
}

func logQuery(c *call) (tail int, follow bool, err error) {
	q := c.URL.Query()
	tail = -1
	if text := q.Get("tail"); text != "" {
		if tail, err = strconv.Atoi(text); err != nil {
			return 0, false, stoker.Errorf(stoker.Invalid, "tail: want a number of lines, not %q", text)
		}
	}
	if text := q.Get("follow"); text != "" {
		if follow, err = strconv.ParseBool(text); err != nil {
			return 0, false, stoker.Errorf(stoker.Invalid, "follow: want true or false, not %q", text)
		}
	}
	return tail, follow, nil
}

// copy copies line by line until the log ends or the client has left.
func (l *openLog) copy(out *lines, prefix string) error {
	in := bufio.NewReaderSize(l.from, 64<<10)
	for {
		line, err := in.ReadSlice('\n')
		if len(line) > 0 {
			if !out.write(prefix + strings.TrimSuffix(string(line), "\n") + "\n") {
				return nil
			}
		}
		switch err {
		case nil, bufio.ErrBufferFull: // a longer line is cut
		case io.EOF:
			return nil
		default:
			return err
		}
	}
}

// lines keeps the lines of several servers apart.
type lines struct {
	mu    sync.Mutex
	w     io.Writer
	flush func() error
}

func (l *lines) write(line string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := io.WriteString(l.w, line); err != nil {
		return false
	}
	return l.flush() == nil
}

// meant finds the servers that a name stands for: a server's name, ID or token;
// a group; or STACK/RESOURCE, a server or something with servers inside.
func (s *server) meant(ctx context.Context, c *call, what string) ([]stoker.Server, error) {
	servers, err := s.servers(ctx, c)
	if err != nil {
		return nil, err
	}
	if hits := keep(servers, func(srv stoker.Server) bool {
		return string(srv.Token) == what || string(srv.ID) == what || srv.Name == what
	}); len(hits) > 0 {
		return hits, nil
	}
	inside, err := s.inside(ctx, c, what)
	if err != nil {
		return nil, err
	}
	hits := keep(servers, func(srv stoker.Server) bool {
		return slices.ContainsFunc(inside, func(id string) bool {
			return id == string(srv.Token) || slices.Contains(srv.Path, stoker.StackID(id))
		})
	})
	if len(hits) == 0 {
		return nil, &stoker.Error{Kind: stoker.NotFound, Message: fmt.Sprintf("there is no server in %q", what),
			Hint: "Name a server, a group, STACK/RESOURCE, or a stack."}
	}
	return hits, nil
}

func keep(servers []stoker.Server, match func(stoker.Server) bool) []stoker.Server {
	var out []stoker.Server
	for _, srv := range servers {
		if match(srv) {
			out = append(out, srv)
		}
	}
	return out
}

// inside gives the stacks or the one server that a name stands for; none when
// it is unknown.
func (s *server) inside(ctx context.Context, c *call, what string) ([]string, error) {
	if st, err := s.Engine.Find(ctx, c.project, what); err == nil {
		return []string{string(st.ID)}, nil
	} else if !stoker.IsKind(err, stoker.NotFound) {
		return nil, err
	}
	groups, err := s.Engine.Groups(ctx, c.project, false)
	if err != nil {
		return nil, err
	}
	if g, err := choose(groups, what); err == nil {
		return []string{string(g.ID)}, nil
	}
	name, resource, ok := strings.Cut(what, "/")
	if !ok {
		return s.unique(ctx, c, stoker.ResourceName(what))
	}
	st, err := s.Engine.Find(ctx, c.project, name)
	if err != nil {
		return nil, err
	}
	v, err := s.Engine.Resource(ctx, st.ID, stoker.ResourceName(resource))
	if err != nil {
		return nil, err
	}
	return []string{string(v.ID), string(v.Child)}, nil
}

// unique finds a resource by its name alone, in the root stacks of the project.
func (s *server) unique(ctx context.Context, c *call, name stoker.ResourceName) ([]string, error) {
	stacks, err := s.Engine.Stacks(ctx, stoker.StackFilter{Project: c.project, Brief: true})
	if err != nil {
		return nil, err
	}
	var found []string
	var in []string
	for _, st := range stacks {
		v, err := s.Engine.Resource(ctx, st.ID, name)
		if stoker.IsKind(err, stoker.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, string(v.ID), string(v.Child))
		in = append(in, st.Name+"/"+string(name))
	}
	if len(in) > 1 {
		return nil, &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("several resources are called %q: %s", name, strings.Join(in, ", ")),
			Hint: "Name it as STACK/RESOURCE."}
	}
	return found, nil
}
