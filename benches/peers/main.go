// Masking by the OpenTelemetry Collector's own processors, without a collector around them: what it costs, and what it finds.
//
//	peers cost REQUEST      CPU-microseconds a record of an OTLP request, by processor, as JSON
//	peers mask PROCESSOR    rows as `sealtrail rules test --jsonl` takes them from standard input, masked, to standard output
//
// Each processor has the rules that a careful operator would write with it for the kinds that our payment rules know.
package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"syscall"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/redactionprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
)

//go:embed rules.json
var rules []byte

var factories = map[string]processor.Factory{
	"transform": transformprocessor.NewFactory(),
	"redaction": redactionprocessor.NewFactory(),
}

func main() {
	arguments := os.Args[1:]
	var err error
	switch {
	case len(arguments) == 2 && arguments[0] == "cost":
		err = cost(arguments[1])
	case len(arguments) == 2 && arguments[0] == "mask":
		err = mask(arguments[1])
	default:
		err = fmt.Errorf("usage: peers cost REQUEST | peers mask transform|redaction")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(2)
	}
}

// start makes the processor of that name; what it has masked goes to next.
func start(name string, next func(plog.Logs)) (processor.Logs, error) {
	factory, known := factories[name]
	if !known {
		return nil, fmt.Errorf("no processor %q", name)
	}
	var all map[string]map[string]any
	if err := json.Unmarshal(rules, &all); err != nil {
		return nil, err
	}
	config := factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(all[name]).Unmarshal(config); err != nil {
		return nil, err
	}
	sink, err := consumer.NewLogs(func(_ context.Context, logs plog.Logs) error {
		next(logs)
		return nil
	}, consumer.WithCapabilities(consumer.Capabilities{MutatesData: true}))
	if err != nil {
		return nil, err
	}
	made, err := factory.CreateLogs(context.Background(), processortest.NewNopSettings(factory.Type()), config, sink)
	if err != nil {
		return nil, err
	}
	return made, made.Start(context.Background(), nil)
}

// cost masks the request again and again and prints the least CPU time of a round, of all threads: what the garbage
// collector does belongs to it.
func cost(path string) error {
	const rounds, repeats = 7, 20
	request, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	costs := map[string]float64{}
	for name := range factories {
		made, err := start(name, func(plog.Logs) {})
		if err != nil {
			return err
		}
		best := math.Inf(1)
		for range rounds {
			batches := make([]plog.Logs, repeats)
			records := 0
			for i := range batches {
				if batches[i], err = (&plog.ProtoUnmarshaler{}).UnmarshalLogs(request); err != nil {
					return err
				}
				records += batches[i].LogRecordCount()
			}
			before := cpu()
			for _, logs := range batches {
				if err := made.ConsumeLogs(context.Background(), logs); err != nil {
					return err
				}
			}
			best = min(best, (cpu()-before)/float64(records))
		}
		costs[name] = best
	}
	return json.NewEncoder(os.Stdout).Encode(costs)
}

// cpu is the microseconds of CPU time of this process so far.
func cpu() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	seconds := float64(used.Utime.Sec + used.Stime.Sec)
	return seconds*1e6 + float64(used.Utime.Usec+used.Stime.Usec)
}

// mask writes each row with its text as the processor leaves it: the value of the attribute `key`, or the body.
func mask(name string) error {
	masked := ""
	var key string
	made, err := start(name, func(logs plog.Logs) {
		record := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
		value, there := record.Body(), true
		if key != "" {
			value, there = record.Attributes().Get(key)
		}
		masked = ""
		if there {
			masked = value.AsString()
		}
	})
	if err != nil {
		return err
	}
	lines, out := bufio.NewScanner(os.Stdin), bufio.NewWriter(os.Stdout)
	defer out.Flush()
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		row := map[string]any{}
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return err
		}
		text, _ := row["text"].(string)
		key, _ = row["key"].(string)
		kind, _ := row["value_type"].(string)
		logs := plog.NewLogs()
		record := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		value := record.Body()
		if key != "" {
			value = record.Attributes().PutEmpty(key)
		}
		set(value, text, kind)
		if err := made.ConsumeLogs(context.Background(), logs); err != nil {
			return err
		}
		row["text"] = masked
		line, err := json.Marshal(row)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, string(line))
	}
	return lines.Err()
}

// set puts the text of a row into a value of the row's type.
func set(value pcommon.Value, text, kind string) {
	switch kind {
	case "int":
		if number, err := strconv.ParseInt(text, 10, 64); err == nil {
			value.SetInt(number)
			return
		}
	case "double":
		if number, err := strconv.ParseFloat(text, 64); err == nil {
			value.SetDouble(number)
			return
		}
	case "bytes":
		value.SetEmptyBytes().FromRaw([]byte(text))
		return
	}
	value.SetStr(text)
}
