module bearerd/bearer

go 1.19
