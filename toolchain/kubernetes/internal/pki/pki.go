// Package pki makes and keeps the certificates and keys of a cluster.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"plonk/toolchain/kubernetes/internal/files"
)

const (
	authorityLife   = 10 * 365 * 24 * time.Hour
	certificateLife = 365 * 24 * time.Hour
	// A certificate that ends sooner than this is replaced at start.
	renewBefore = 90 * 24 * time.Hour
)

// Authority signs certificates.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// Request says what a certificate is for.
type Request struct {
	CommonName    string
	Organizations []string
	// Names and addresses of a server; none makes a client certificate.
	Hosts []string
}

// LoadAuthority reads dir/name.crt and name.key, or makes them.
func LoadAuthority(dir, name string) (*Authority, error) {
	certificate, key, err := load(dir, name)
	if err == nil {
		return &Authority{certificate, key}, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	template := newTemplate(pkix.Name{CommonName: name}, authorityLife)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	if err := store(dir, name, der, key); err != nil {
		return nil, err
	}
	if certificate, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	return &Authority{certificate, key}, nil
}

// Ensure leaves dir/name.crt and name.key as requested: what is there is kept while it fits the
// request, is signed by this authority and lasts another ninety days.
func (a *Authority) Ensure(dir, name string, request Request) error {
	if certificate, _, err := load(dir, name); err == nil && a.fits(certificate, request) {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	subject := pkix.Name{CommonName: request.CommonName, Organization: request.Organizations}
	template := newTemplate(subject, certificateLife)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if len(request.Hosts) > 0 {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	template.DNSNames, template.IPAddresses = split(request.Hosts)
	if template.NotAfter.After(a.certificate.NotAfter) {
		template.NotAfter = a.certificate.NotAfter
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return store(dir, name, der, key)
}

func (a *Authority) fits(certificate *x509.Certificate, request Request) bool {
	names, addresses := split(request.Hosts)
	return time.Until(certificate.NotAfter) > renewBefore &&
		certificate.CheckSignatureFrom(a.certificate) == nil &&
		certificate.Subject.CommonName == request.CommonName &&
		slices.Equal(certificate.Subject.Organization, request.Organizations) &&
		slices.Equal(certificate.DNSNames, names) &&
		slices.EqualFunc(certificate.IPAddresses, addresses, net.IP.Equal)
}

// EnsureServiceKey keeps the key that signs service account tokens.
func EnsureServiceKey(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return storeKey(path, key)
}

// split sorts hosts into names and addresses, without repetition.
func split(hosts []string) (names []string, addresses []net.IP) {
	sorted := slices.Clone(hosts)
	slices.Sort(sorted)
	for _, host := range slices.Compact(sorted) {
		if ip := net.ParseIP(host); ip != nil {
			addresses = append(addresses, ip)
		} else if host != "" {
			names = append(names, host)
		}
	}
	return names, addresses
}

func newTemplate(subject pkix.Name, life time.Duration) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		panic(err) // the kernel's random source never fails
	}
	return &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)),
		Subject:      subject,
		// An hour back, for machines whose clock steps after the first start.
		NotBefore: time.Now().Add(-time.Hour),
		NotAfter:  time.Now().Add(life),
	}
}

func load(dir, name string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	certificateBlock, err := readPEM(filepath.Join(dir, name+".crt"))
	if err != nil {
		return nil, nil, err
	}
	keyBlock, err := readPEM(filepath.Join(dir, name+".key"))
	if err != nil {
		return nil, nil, err
	}
	certificate, err := x509.ParseCertificate(certificateBlock)
	if err != nil {
		return nil, nil, fmt.Errorf("%s.crt: %w", name, err)
	}
	key, err := x509.ParseECPrivateKey(keyBlock)
	if err != nil {
		return nil, nil, fmt.Errorf("%s.key: %w", name, err)
	}
	if !key.PublicKey.Equal(certificate.PublicKey) {
		return nil, nil, fmt.Errorf("%s: key and certificate do not belong together", filepath.Join(dir, name))
	}
	return certificate, key, nil
}

func readPEM(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s: expected PEM", path)
	}
	return block.Bytes, nil
}

func store(dir, name string, der []byte, key *ecdsa.PrivateKey) error {
	if err := storeKey(filepath.Join(dir, name+".key"), key); err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return files.Write(filepath.Join(dir, name+".crt"), text, 0o644)
}

func storeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return files.Write(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}
