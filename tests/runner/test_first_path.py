from spark_plugins.testing import json_answer


def test_duck(rest, service):
    service.on("/items", json_answer([{"id": 1, "v": "$(X) {b} ü"}, {"id": 2, "v": None}]))
    ended = rest.fetch()
    print(ended)
    assert ended.exit == 0
    assert rest.rows("select id, v from team_a_alice.items order by id") == [(1, "$(X) {b} ü"), (2, None)]


def test_pg(warehouse, service, postgres):
    service.on("/items", json_answer([{"id": 1, "v": "$(X) {b} ü"}, {"id": 2, "v": None}]))
    ended = warehouse.fetch()
    print(ended)
    assert ended.exit == 0
    ended = warehouse.fetch()
    print(ended)
    assert postgres.rows(f'select id, v from {warehouse.destination["dataset"]}.items order by id') == [(1, "$(X) {b} ü"), (2, None)]
