package main

import (
	"context"
	"fmt"
)

// benchScaler runs the scaler's own benchmark: 10,000 groups, one second each.
func benchScaler(ctx context.Context, _ *bench) ([]figure, error) {
	f, err := benchmark(ctx, "./scale", "BenchmarkTenThousandGroups")
	if err != nil {
		return nil, err
	}
	cpu, memory := f["cores"], f["MB-resident"]
	rate := f["evaluations/s"]
	return []figure{
		{what: "10,000 groups evaluated once a second", got: fmt.Sprintf("%.2f of a core", cpu), target: "< 1 core",
			note: fmt.Sprintf("%.0f evaluations/s", rate), missed: cpu >= 1 || cpu == 0 || rate < 9500},
		{what: "its memory", got: fmt.Sprintf("%.0f MB", memory), target: "< 150 MB", missed: memory >= 150 || memory == 0},
	}, nil
}
