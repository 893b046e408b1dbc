// Package kek opens the key that wraps the others, where a service keeps it: AWS KMS, Google Cloud KMS, or the transit
// engine of HashiCorp Vault. The service encrypts and decrypts; the key never leaves it.
//
// Credentials are the service's own affair, by its own environment: AWS_ACCESS_KEY_ID and its kin, a profile or the role of
// a machine; GOOGLE_APPLICATION_CREDENTIALS or the machine's account; VAULT_TOKEN and VAULT_CACERT. Another endpoint than
// the usual one is named as the services' own tools have it: AWS_ENDPOINT_URL_KMS or AWS_ENDPOINT_URL,
// CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS, VAULT_ADDR (of the host in the address).
package kek

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/kms"
	vaultapi "github.com/hashicorp/vault/api"
	"github.com/tink-crypto/tink-go-awskms/v2/integration/awskms"
	"github.com/tink-crypto/tink-go-gcpkms/v2/integration/gcpkms"
	"github.com/tink-crypto/tink-go-hcvault/v2/integration/hcvault"
	"github.com/tink-crypto/tink-go/v2/core/registry"
	"github.com/tink-crypto/tink-go/v2/tink"
	"google.golang.org/api/option"
)

// Schemes are the beginnings of addresses that [Open] knows.
const (
	AWS   = "aws-kms://"
	GCP   = "gcp-kms://"
	Vault = "hcvault://"
)

// Check says what is wrong with an address; nil: [Open] takes it.
func Check(uri string) error {
	switch {
	case strings.HasPrefix(uri, AWS):
		if !awsARN.MatchString(uri) {
			return fmt.Errorf("%q names no key of AWS KMS: write aws-kms://arn:aws:kms:REGION:ACCOUNT:key/ID", uri)
		}
	case strings.HasPrefix(uri, GCP):
		if !gcpName.MatchString(uri) {
			return fmt.Errorf("%q names no key of Google Cloud KMS: write gcp-kms://projects/P/locations/L/keyRings/R/cryptoKeys/K", uri)
		}
	case strings.HasPrefix(uri, Vault):
		if !vaultName.MatchString(uri) {
			return fmt.Errorf("%q names no key of Vault's transit engine: write hcvault://HOST:PORT/transit/keys/NAME", uri)
		}
	default:
		return fmt.Errorf("%q is no address of a key: it begins with %s, %s or %s", uri, AWS, GCP, Vault)
	}
	return nil
}

var (
	awsARN    = regexp.MustCompile(`^aws-kms://arn:aws[a-zA-Z0-9-_]*:kms:([a-z0-9-]+):[0-9]+:(key|alias)/.+$`)
	gcpName   = regexp.MustCompile(`^gcp-kms://projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$`)
	vaultName = regexp.MustCompile(`^hcvault://[^/]+/.+/keys/[^/]+$`)
)

// Open is the key at an address. It asks the service nothing yet.
func Open(uri string) (tink.AEAD, error) {
	if err := Check(uri); err != nil {
		return nil, err
	}
	open := map[string]func(string) (registry.KMSClient, error){"aws-kms": openAWS, "gcp-kms": openGCP, "hcvault": openVault}
	scheme, _, _ := strings.Cut(uri, "://")
	client, err := open[scheme](uri)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", uri, err)
	}
	key, err := client.GetAEAD(uri)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", uri, err)
	}
	return key, nil
}

// tries is how often a service is asked anew within one call.
const tries = 2

func openAWS(uri string) (registry.KMSClient, error) {
	config := &aws.Config{Region: aws.String(awsARN.FindStringSubmatch(uri)[1]), MaxRetries: aws.Int(tries)}
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KMS"} { // the latter goes before
		if endpoint := os.Getenv(name); endpoint != "" {
			config.Endpoint = aws.String(endpoint)
		}
	}
	s, err := session.NewSession(config)
	if err != nil {
		return nil, err
	}
	return awskms.NewClientWithOptions(uri, awskms.WithKMS(kms.New(s)))
}

func openGCP(uri string) (registry.KMSClient, error) {
	var options []option.ClientOption
	if endpoint := os.Getenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS"); endpoint != "" {
		options = append(options, option.WithEndpoint(endpoint))
		if strings.HasPrefix(endpoint, "http://") { // an emulator: nobody sends a token in the clear
			options = append(options, option.WithoutAuthentication())
		}
	}
	return gcpkms.NewClient(context.Background(), uri, gcpkms.WithTransport(gcpkms.TransportREST), gcpkms.WithGoogleAPIClientOptions(options...))
}

func openVault(uri string) (registry.KMSClient, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, err
	}
	config := vaultapi.DefaultConfig()
	if config.Error != nil {
		return nil, config.Error
	}
	config.Address, config.MaxRetries, config.Timeout = "https://"+u.Host, tries, 10*time.Second
	if at, err := url.Parse(os.Getenv("VAULT_ADDR")); err == nil && at.Host == u.Host && at.Scheme != "" {
		config.Address = at.Scheme + "://" + at.Host
	}
	client, err := vaultapi.NewClient(config)
	if err != nil {
		return nil, err
	}
	return hcvault.NewClientWithAEADOptions(uri, client.Logical())
}
