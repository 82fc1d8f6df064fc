// Does with OpenFaaS' Go SDK what its arguments say, one step each, and prints what it got as JSON.
//
// Usage: go-sdk <gateway> <user> <password>, with steps as lines of JSON on standard input.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/openfaas/faas-provider/logs"
	"github.com/openfaas/faas-provider/types"
	sdk "github.com/openfaas/go-sdk"
)

type step struct {
	Do         string                   `json:"do"`
	Name       string                   `json:"name"`
	Namespace  string                   `json:"namespace"`
	Replicas   uint64                   `json:"replicas"`
	Lines      int                      `json:"lines"`
	Follow     bool                     `json:"follow"`
	Since      *time.Time               `json:"since"`
	Take       int                      `json:"take"`
	Async      bool                     `json:"async"`
	Auth       bool                     `json:"auth"`
	Token      string                   `json:"token"`
	Body       string                   `json:"body"`
	Header     map[string]string        `json:"header"`
	Deployment types.FunctionDeployment `json:"deployment"`
	Secret     types.Secret             `json:"secret"`
	Space      types.FunctionNamespace  `json:"space"`
}

type outcome struct {
	Value any    `json:"value"`
	Error string `json:"error,omitempty"`
}

type answer struct {
	Status int         `json:"status"`
	Header http.Header `json:"header"`
	Body   string      `json:"body"`
}

func main() {
	gateway, err := url.Parse(os.Args[1])
	if err != nil {
		panic(err)
	}
	auth := &sdk.BasicAuth{Username: os.Args[2], Password: os.Args[3]}
	client := sdk.NewClient(gateway, auth, http.DefaultClient)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var next step
		if err := json.Unmarshal(lines.Bytes(), &next); err != nil {
			panic(err)
		}
		value, err := run(client, next)
		result := outcome{Value: value}
		if err != nil {
			result.Error = err.Error()
		}
		text, err := json.Marshal(result)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(text))
	}
}

func run(client *sdk.Client, next step) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	switch next.Do {
	case "info":
		return client.GetInfo(ctx)
	case "namespaces":
		return client.GetNamespaces(ctx)
	case "namespace":
		return client.GetNamespace(ctx, next.Name)
	case "create namespace":
		return client.CreateNamespace(ctx, next.Space)
	case "update namespace":
		return client.UpdateNamespace(ctx, next.Space)
	case "delete namespace":
		return nil, client.DeleteNamespace(ctx, next.Name)
	case "functions":
		return client.GetFunctions(ctx, next.Namespace)
	case "function":
		return client.GetFunction(ctx, next.Name, next.Namespace)
	case "deploy":
		return client.Deploy(ctx, next.Deployment)
	case "update":
		return client.Update(ctx, next.Deployment)
	case "scale":
		return nil, client.ScaleFunction(ctx, next.Name, next.Namespace, next.Replicas)
	case "delete":
		return nil, client.DeleteFunction(ctx, next.Name, next.Namespace)
	case "secrets":
		return client.GetSecrets(ctx, next.Namespace)
	case "create secret":
		return client.CreateSecret(ctx, next.Secret)
	case "update secret":
		return client.UpdateSecret(ctx, next.Secret)
	case "delete secret":
		return nil, client.DeleteSecret(ctx, next.Name, next.Namespace)
	case "logs":
		return readLogs(ctx, client, next)
	case "invoke":
		return invoke(client, next)
	}
	return nil, fmt.Errorf("unknown step %q", next.Do)
}

// Reads all lines, or as many as are to be taken where new ones are followed.
func readLogs(ctx context.Context, client *sdk.Client, next step) ([]logs.Message, error) {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	messages, err := client.GetLogs(
		ctx, next.Name, next.Namespace, next.Follow, next.Lines, next.Since,
	)
	if err != nil {
		return nil, err
	}
	found := []logs.Message{}
	for message := range messages {
		found = append(found, message)
		if next.Follow && len(found) == next.Take {
			break
		}
	}
	return found, nil
}

// An ID token, which the SDK exchanges for one of a function.
type idToken string

func (token idToken) Token() (string, error) {
	return string(token), nil
}

func invoke(client *sdk.Client, next step) (any, error) {
	request, err := http.NewRequest(http.MethodPost, "/", strings.NewReader(next.Body))
	if err != nil {
		return nil, err
	}
	for name, value := range next.Header {
		request.Header.Set(name, value)
	}
	own := *client
	if next.Token != "" {
		own.FunctionTokenSource = idToken(next.Token)
	}
	response, err := own.InvokeFunction(
		next.Name, next.Namespace, next.Async, next.Auth, request,
	)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(body)}, err
}
