package heat

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// randomString is OS::Heat::RandomString: a text that is drawn once and kept.
type randomString struct{ schema.Fixed }

var (
	_ stoker.Referencer = randomString{}
	_ stoker.Attributer = randomString{}
	_ stoker.Validator  = randomString{}
)

const (
	lowercase = "abcdefghijklmnopqrstuvwxyz"
	uppercase = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits    = "0123456789"
)

// classNames are the classes in Heat's order.
var classNames = []string{"lettersdigits", "letters", "lowercase", "uppercase", "digits", "hexdigits", "octdigits"}

// class gives the characters of a class.
func class(name string) string {
	switch name {
	case "letters":
		return lowercase + uppercase
	case "lowercase":
		return lowercase
	case "uppercase":
		return uppercase
	case "digits":
		return digits
	case "hexdigits":
		return digits + "ABCDEF"
	case "octdigits":
		return "01234567"
	}
	return lowercase + uppercase + digits
}

func randomStringSchema() *stoker.Schema {
	least := func(of string) *stoker.Property {
		return &stoker.Property{Type: stoker.TypeInteger, Default: int64(1), Constraints: schema.Between(1, 512),
			Description: "How many characters of this " + of + " there are at least."}
	}
	return &stoker.Schema{
		Description: "A random string, drawn once and kept. get_resource gives the string.",
		Properties: map[string]*stoker.Property{
			"length": {Type: stoker.TypeInteger, Default: int64(32), Constraints: schema.Between(1, 512),
				Description: "How long the string is."},
			"character_classes": {Type: stoker.TypeList,
				Default:     []any{map[string]any{"class": "lettersdigits", "min": int64(1)}},
				Description: "The classes of characters that the string is drawn from.",
				Items: &stoker.Property{Type: stoker.TypeMap, Description: "A class.", Fields: map[string]*stoker.Property{
					"class": {Type: stoker.TypeString, Default: "lettersdigits", Constraints: schema.OneOf(classNames...),
						Description: "The class's name."},
					"min": least("class"),
				}}},
			"character_sequences": {Type: stoker.TypeList,
				Description: "More characters that the string is drawn from, each list given as a string.",
				Items: &stoker.Property{Type: stoker.TypeMap, Description: "A sequence.", Fields: map[string]*stoker.Property{
					"sequence": {Type: stoker.TypeString, Required: true, Description: "The characters."},
					"min":      least("sequence"),
				}}},
			"sequence": {Type: stoker.TypeString, Hidden: true, Constraints: schema.OneOf(classNames...),
				Description: "The old way to name one class of characters; stands in for character_classes."},
			"salt": {Type: stoker.TypeString,
				Description: "Any text. A change of it draws another string; it does not enter into the string."},
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"value": {Type: stoker.TypeString, Description: "The string."},
		}),
	}
}

func (randomString) Create(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	v := request.Values(req.Properties)
	s, err := draw(sources(v), v.IntOr("length", 32))
	if err != nil {
		return stoker.Result{}, err
	}
	return stoker.Result{
		PhysicalID: stoker.PhysicalID(request.Name(req)),
		Data:       map[string]any{"value": s},
	}, nil
}

func (randomString) Delete(context.Context, *stoker.Request) error { return nil }

func (randomString) Reference(req *stoker.Request) string {
	if req.PhysicalID == "" {
		return string(req.Name)
	}
	return request.Values(req.Data).String("value")
}

func (randomString) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	switch name {
	case "value":
		return req.Data["value"], 0, nil
	case "show":
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

func (randomString) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	srcs := sources(v)
	total := 0
	for i, s := range srcs {
		if s.chars == "" {
			return invalid("properties.character_sequences", fmt.Sprintf("character sequence %d is empty", i))
		}
		total += s.min
	}
	if len(srcs) == 0 {
		return invalid("properties.character_classes", "there is no character to draw: neither a class nor a sequence is given")
	}
	if v.Has("length") && total > v.Int("length") {
		return invalid("properties.length", "Length property cannot be smaller than combined character class and character sequence minimums")
	}
	return nil
}

// source is a set of characters, of which at least min are drawn.
type source struct {
	chars string
	min   int
}

// sources reads the classes and then the sequences.
func sources(v request.Values) []source {
	var out []source
	if v.Has("sequence") {
		out = append(out, source{class(v.String("sequence")), 1})
	} else {
		for _, c := range v.Maps("character_classes") {
			out = append(out, source{class(c.String("class")), c.IntOr("min", 1)})
		}
	}
	for _, s := range v.Maps("character_sequences") {
		out = append(out, source{s.String("sequence"), s.IntOr("min", 1)})
	}
	return out
}

// draw takes the least number from each source, fills up from all of them, and
// shuffles.
func draw(srcs []source, length int) (string, error) {
	var all strings.Builder
	var out []rune
	for _, s := range srcs {
		chars := []rune(s.chars)
		for range s.min {
			out = append(out, pick(chars))
		}
		for _, c := range chars {
			if !strings.ContainsRune(all.String(), c) {
				all.WriteRune(c)
			}
		}
	}
	pool := []rune(all.String())
	if len(pool) == 0 {
		return "", stoker.Errorf(stoker.Invalid, "there is no character to draw")
	}
	for len(out) < length {
		out = append(out, pick(pool))
	}
	for i := len(out) - 1; i > 0; i-- {
		j := below(i + 1)
		out[i], out[j] = out[j], out[i]
	}
	return string(out), nil
}

func pick(chars []rune) rune { return chars[below(len(chars))] }

// below draws a number from 0 up to but not including n, each as likely.
func below(n int) int {
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic(fmt.Sprintf("the system gives no random numbers: %v", err)) // crypto/rand never fails
	}
	return int(i.Int64())
}
