package hot

// ParseGenerated is Parse for a template that the program itself has written, as
// JSON. It has no limit of size: whoever writes it has bounded what goes into it.
func ParseGenerated(text []byte) (*Template, error) {
	doc, err := parseJSON(text)
	if err != nil {
		return nil, err
	}
	return newTemplate(doc, "", nil)
}
