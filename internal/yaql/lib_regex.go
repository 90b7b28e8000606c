package yaql

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf8"
)

// regexRows search with Go's regular expressions: those of Python but for
// look-around and back-references, and always in linear time.
func regexRows() []row {
	return []row{
		{asFunction, "regex", "pattern:string ignoreCase:bool? multiLine:bool? dotAll:bool?", func(c *call) any {
			flags := ""
			for i, f := range []string{"i", "m", "s"} {
				if c.boolOr(i+1, false) {
					flags += f
				}
			}
			if flags != "" {
				flags = "(?" + flags + ")"
			}
			return c.e.regex(flags + c.str(0))
		}},
		{asMethod, "matches", "regexp:regex string:string", func(c *call) any { return c.e.scan(c.regex(0), c.str(1)).MatchString(c.str(1)) }},
		{asMethod, "matches", "string:string regexp:string", func(c *call) any { return c.e.scan(c.e.regex(c.str(1)), c.str(0)).MatchString(c.str(0)) }},
		{asMethod, "search", "regexp:regex string:string selector:lambda?", func(c *call) any {
			m := c.e.scan(c.regex(0), c.str(1)).FindStringSubmatchIndex(c.str(1))
			if m == nil {
				return nil
			}
			return c.found(c.regex(0), c.str(1), m, 2)
		}},
		{asMethod, "searchAll", "regexp:regex string:string selector:lambda?", func(c *call) any {
			return seq{func(yield func(any) bool) {
				for _, m := range c.e.scan(c.regex(0), c.str(1)).FindAllStringSubmatchIndex(c.str(1), -1) {
					if !yield(c.found(c.regex(0), c.str(1), m, 2)) {
						return
					}
				}
			}}
		}},
		{asMethod, "split", "regexp:regex string:string maxSplit:int?", func(c *call) any { return c.splitRegex(c.regex(0), c.str(1)) }},
		{asMethod, "split", "string:string regexp:regex maxSplit:int?", func(c *call) any { return c.splitRegex(c.regex(1), c.str(0)) }},
		{asMethod, "replace", "regexp:regex string:string repl:string count:int?", func(c *call) any {
			return c.replaceRegex(c.regex(0), c.str(1), template(c.str(2)))
		}},
		{asMethod, "replace", "string:string regexp:regex repl:string count:int?", func(c *call) any {
			return c.replaceRegex(c.regex(1), c.str(0), template(c.str(2)))
		}},
		{asMethod, "replaceBy", "regexp:regex string:string repl:lambda count:int?", func(c *call) any {
			return c.replaceRegex(c.regex(0), c.str(1), c.published())
		}},
		{asMethod, "replaceBy", "string:string regexp:regex repl:lambda count:int?", func(c *call) any {
			return c.replaceRegex(c.regex(1), c.str(0), c.published())
		}},
		{asFunction, "escapeRegex", "string:string", func(c *call) any { return regexp.QuoteMeta(c.str(0)) }},
	}
}

// maxProgram bounds what a pattern is compiled to, in instructions: the time to
// match grows with it.
const maxProgram = 5000

// regex compiles a pattern, once.
func (e *evaluator) regex(pattern string) regex {
	if re, ok := e.patterns[pattern]; ok {
		return re
	}
	e.charge(500 + 20*len(pattern))
	bad := func(err error) {
		if err != nil {
			fail("ValueError", fmt.Sprintf("the pattern %q is not understood: %v", pattern, err))
		}
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	bad(err)
	program, err := syntax.Compile(tree.Simplify())
	bad(err)
	if len(program.Inst) > maxProgram {
		tooMuch()
	}
	compiled, err := regexp.Compile(pattern)
	bad(err)
	re := regex{compiled, len(program.Inst)}
	e.patterns[pattern] = re
	return re
}

// scan charges for looking through a text.
func (e *evaluator) scan(re regex, s string) regex {
	e.charge(re.size * len(s) / 50)
	return re
}

// found is a match: its text, or what the selector makes of it.
func (c *call) found(re regex, s string, m []int, selector int) any {
	if !c.has(selector) {
		return s[m[0]:m[1]]
	}
	return c.lambda(selector).within(c.matchScope(re, s, m))
}

// matchScope has the match as $, its groups as $2, $3, ... and by their names; each has
// value, start and end.
func (c *call) matchScope(re regex, s string, m []int) *scope {
	in := c.scope.inner()
	names := re.SubexpNames()
	for i := 0; i < len(m); i += 2 {
		d := c.e.newDict()
		d.put("value", nil)
		d.put("start", int64(-1))
		d.put("end", int64(-1))
		if m[i] >= 0 {
			d.put("value", s[m[i]:m[i+1]])
			d.put("start", int64(utf8.RuneCountInString(s[:m[i]])))
			d.put("end", int64(utf8.RuneCountInString(s[:m[i+1]])))
		}
		in.vars[strconv.Itoa(i/2+1)] = d
		if name := names[i/2]; name != "" {
			in.vars[name] = d
		}
	}
	return in
}

// splitRegex splits around matches; groups are put in between.
func (c *call) splitRegex(re regex, s string) any {
	limit := c.intOr(2, 0)
	out := []any{}
	at := 0
	for i, m := range c.e.scan(re, s).FindAllStringSubmatchIndex(s, -1) {
		if limit > 0 && int64(i) >= limit {
			break
		}
		out = append(out, s[at:m[0]])
		for g := 2; g < len(m); g += 2 {
			if m[g] < 0 {
				out = append(out, nil)
			} else {
				out = append(out, s[m[g]:m[g+1]])
			}
		}
		at = m[1]
	}
	return append(out, s[at:])
}

// replacement gives the text for a match.
type replacement func(re regex, s string, m []int) string

func (c *call) published() replacement {
	return func(re regex, s string, m []int) string {
		return str(c.lambda(2).within(c.matchScope(re, s, m)))
	}
}

// template is a replacement with \1, \g<1> and \g<name> for groups.
func template(text string) replacement {
	return func(re regex, s string, m []int) string {
		var b strings.Builder
		for i := 0; i < len(text); i++ {
			if text[i] != '\\' || i+1 == len(text) {
				b.WriteByte(text[i])
				continue
			}
			group, size := groupRef(re, text[i+1:])
			if size == 0 {
				b.WriteByte('\\')
				continue
			}
			if group >= 0 && 2*group+1 < len(m) && m[2*group] >= 0 {
				b.WriteString(s[m[2*group]:m[2*group+1]])
			}
			i += size
		}
		return b.String()
	}
}

// groupRef reads what is behind a backslash; size 0 if it names no group.
func groupRef(re regex, s string) (group, size int) {
	if s[0] >= '1' && s[0] <= '9' {
		size = 1
		if len(s) > 1 && s[1] >= '0' && s[1] <= '9' {
			size = 2
		}
		group, _ = strconv.Atoi(s[:size])
	} else if name, _, ok := strings.Cut(s, ">"); ok && strings.HasPrefix(name, "g<") {
		name, size = name[2:], len(name)+1
		var err error
		if group, err = strconv.Atoi(name); err != nil {
			group = re.SubexpIndex(name)
		}
	} else {
		return 0, 0
	}
	if group < 0 || group > re.NumSubexp() {
		fail("ValueError", fmt.Sprintf("the replacement names the group %s, which the pattern does not have", s[:size]))
	}
	return group, size
}

func (c *call) replaceRegex(re regex, s string, with replacement) any {
	count := c.intOr(3, 0)
	var b strings.Builder
	at := 0
	for i, m := range c.e.scan(re, s).FindAllStringSubmatchIndex(s, -1) {
		if count > 0 && int64(i) >= count {
			break
		}
		b.WriteString(s[at:m[0]])
		b.WriteString(with(re, s, m))
		at = m[1]
		if b.Len() > maxSize {
			tooMuch()
		}
	}
	b.WriteString(s[at:])
	return b.String()
}
