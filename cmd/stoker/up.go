package main

import "github.com/spf13/cobra"

func (s *session) up() *cobra.Command   { return &cobra.Command{Use: "up"} }
func (s *session) demo() *cobra.Command { return &cobra.Command{Use: "demo"} }
