package main

import "github.com/spf13/cobra"

func (s *session) demo() *cobra.Command { return &cobra.Command{Use: "demo"} }
