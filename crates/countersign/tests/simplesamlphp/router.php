<?php
// Serves Debian's SimpleSAMLphp with PHP's own server: /simplesaml/x.php/rest becomes x.php with the rest as its path.
$www = getenv('SSP_WWW');
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
// Its pages post themselves with a script of their own.
if (preg_match('#^/simplesaml(/.+\.js)$#', $path, $parts) && strpos($path, '..') === false && is_file($www . $parts[1])) {
    header('Content-Type: text/javascript');
    readfile($www . $parts[1]);
    exit;
}
if (!preg_match('#^/simplesaml(/.+?\.php)(/.*)?$#', $path, $parts) || strpos($path, '..') !== false || !is_file($www . $parts[1])) {
    http_response_code(404);
    exit;
}
$_SERVER['SCRIPT_NAME'] = '/simplesaml' . $parts[1];
$_SERVER['SCRIPT_FILENAME'] = $www . $parts[1];
$_SERVER['PHP_SELF'] = $path;
unset($_SERVER['PATH_INFO']);
if (!empty($parts[2])) {
    $_SERVER['PATH_INFO'] = $parts[2];
}
chdir(dirname($www . $parts[1]));
require $www . $parts[1];
