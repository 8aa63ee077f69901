<?php
$certificate = preg_replace('/-----.*?-----|\s/', '', file_get_contents(getenv('SSP_STATE') . '/cert/sp.crt'));
// An application beside the console, whose agents show its users' assertions.
$metadata['http://app.test/saml'] = [
    'AssertionConsumerService' => 'http://app.test/acs',
    'saml20.sign.response' => false,
    'saml20.sign.assertion' => true,
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'NameIDFormat' => 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
];
// The same console under three names: signed, encrypted in a signed response, and encrypted in one that is not.
foreach (['signed', 'sealed', 'loose'] as $name) {
    $base = getenv('SSP_CONSOLE') . "/console/saml/$name";
    $metadata["$base/metadata"] = [
        'AssertionConsumerService' => "$base/response",
        'certData' => $certificate,
        'saml20.sign.response' => $name === 'sealed',
        'saml20.sign.assertion' => true,
        'assertion.encryption' => $name !== 'signed',
        'sharedkey_algorithm' => 'http://www.w3.org/2009/xmlenc11#aes256-gcm',
        'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
        'NameIDFormat' => 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
    ];
}
