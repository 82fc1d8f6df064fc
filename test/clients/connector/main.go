// Sends each line of standard input to the functions of a topic, as a connector on OpenFaaS'
// connector-sdk does, and prints what each of them answers as a line of JSON.
//
// Usage: connector <gateway> <user> <password> <topic> sync|async
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/openfaas-incubator/connector-sdk/types"
	"github.com/openfaas/faas-provider/auth"
)

type heard struct {
	Function string `json:"function"`
	Topic    string `json:"topic"`
	Status   int    `json:"status"`
	Body     string `json:"body"`
	CallID   string `json:"callId"`
	Error    string `json:"error,omitempty"`
}

type printer struct{}

func (printer) Response(answer types.InvokerResponse) {
	line := heard{Function: answer.Function, Topic: answer.Topic, Status: answer.Status}
	if answer.Body != nil {
		line.Body = string(*answer.Body)
	}
	if answer.Header != nil {
		line.CallID = answer.Header.Get("X-Call-Id")
	}
	if answer.Error != nil {
		line.Error = answer.Error.Error()
	}
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

func main() {
	gateway, user, password, topic, how := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]
	controller := types.NewController(
		&auth.BasicAuthCredentials{User: user, Password: password},
		&types.ControllerConfig{
			GatewayURL:               gateway,
			UpstreamTimeout:          time.Minute,
			RebuildInterval:          100 * time.Millisecond,
			TopicAnnotationDelimiter: ",",
			AsyncFunctionInvocation:  how == "async",
		},
	)
	controller.Subscribe(printer{})
	controller.BeginMapBuilder()
	for !slices.Contains(controller.Topics(), topic) {
		time.Sleep(20 * time.Millisecond)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		body := slices.Clone(lines.Bytes())
		controller.Invoke(topic, &body)
	}
	// Answers are told in the background; whoever reads them ends this.
	select {}
}
