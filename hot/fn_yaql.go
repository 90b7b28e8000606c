package hot

func parseYAQL(c *compiler, name string, arg *node) (Expr, error) {
	return nil, c.fail(arg, "the function %s is not supported", name)
}
