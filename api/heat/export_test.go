package heat

// Routes gives the verbs of every URL, for tests that walk them all.
func Routes() map[string][]string {
	out := map[string][]string{}
	for path, verbs := range (&server{}).page() {
		for verb := range verbs {
			out[path] = append(out[path], verb)
		}
	}
	return out
}
