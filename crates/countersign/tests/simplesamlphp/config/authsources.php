<?php
$config = [
    'users' => [
        'exampleauth:UserPass',
        'alice:alicepw' => [
            'uid' => ['alice'],
            'mail' => ['alice@example.test'],
            'displayName' => ['Alice "<Admin>" & Co'],
            'groups' => ['countersign-admins', 'sre'],
        ],
    ],
];
