<?php
// SPDX-License-Identifier: MIT
// worker - how a worker in PHP uses bearerd: it prints the open appointments of a department.
//
//     php docs/examples/worker.php DEPARTMENT
declare(strict_types=1);

require __DIR__ . '/../../client/php/Bearer.php';

use Bearerd\{Bearer, BearerException, Fresh, Token};

/** @return array{int, string} */
function call(Token $token, string $department): array
{
    $api = getenv('API_URL') ?: 'https://api.platform.athenahealth.com';
    $curl = curl_init("$api/v1/{$token->practiceId}/appointments/open?departmentid=$department&reasonid=-1");
    curl_setopt_array($curl, [
        CURLOPT_HTTPHEADER => ["Authorization: Bearer {$token->value()}"],
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 30,
    ]);
    $body = curl_exec($curl);
    if ($body === false) {
        throw new RuntimeException('the API: ' . curl_error($curl));
    }
    return [curl_getinfo($curl, CURLINFO_RESPONSE_CODE), $body];
}

/** @return array{int, string} */
function openAppointments(Bearer $tokens, string $department): array
{
    $token = $tokens->get();
    [$status, $body] = call($token, $department);
    if ($status === 401) {
        // Once: if the newer token is refused too, the token is not what is wrong.
        try {
            return call($tokens->renew($token), $department);
        } catch (Fresh) {
            // the 401 stands: look at permissions
        }
    }
    return [$status, $body];
}

$tokens = new Bearer();
while (true) {
    try {
        [$status, $body] = openAppointments($tokens, $argv[1]);
        echo "the API answered $status: $body\n";
        exit($status === 200 ? 0 : 1);
    } catch (BearerException $error) {
        fwrite(STDERR, "worker: no token: {$error->getMessage()}\n");
        if (!$error->isPassing()) {
            exit(1);
        }
        sleep($error->retryAfter ?? 5);
    }
}
